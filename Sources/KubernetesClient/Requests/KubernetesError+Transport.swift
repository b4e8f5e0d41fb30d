internal import HTTPFailures

extension KubernetesError {
    /// Names what the HTTP client threw.
    init(transport error: any Error) {
        if let error = error as? KubernetesError {
            self = error
            return
        }
        self =
            switch HTTPFailure(error) {
            case .cancelled: .cancelled
            case .timedOut: .timedOut
            case .malformed(let reason): .malformedAnswer(reason: reason)
            case let failure: .unreachable(reason: "\(failure)")
            }
    }
}
