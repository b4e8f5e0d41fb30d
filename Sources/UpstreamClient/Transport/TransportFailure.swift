internal import HTTPFailures
internal import Upstream

/// A failed attempt: what it is called, and whether another may do better.
struct Failure: Error {
    enum Retry: Hashable {
        case never
        /// After a pause that grows with each attempt.
        case afterBackOff
        /// At once, the first time: a connection that was kept open has been closed in the meantime.
        case atOnce
        /// Not before the upstream said.
        case after(Duration)
    }

    var error: UpstreamError
    var retry: Retry

    init(_ error: UpstreamError, retry: Retry = .never) {
        self.error = error
        self.retry = retry
    }
}

extension Failure {
    /// Names what the HTTP client threw.
    /// - Parameter hasHead: whether the answer's head had come.
    init(_ error: any Error, hasHead: Bool) {
        switch error {
        case let failure as Failure: self = failure
        case let error as UpstreamError: self.init(error)
        case is Exchange.TimedOut: self.init(.timedOut, retry: .afterBackOff)
        case is UpstreamTransport.ShutDown: self.init(.unreachable(reason: "\(HTTPFailure.shutDown)"))
        case let error as UpstreamTransport.ForbiddenNetwork:
            self.init(.redirectRefused(reason: "it leads to an address of a \(error.network.names) network"))
        case let error as UpstreamTransport.UnusableFile:
            self.init(.unreachable(reason: "the file \(error.path) cannot be used for TLS"))
        case let error as HostResolutionError: self.init(.unreachable(reason: "\(error)"), retry: .afterBackOff)
        default: self.init(HTTPFailure(error), hasHead: hasHead, isTaskCancelled: error is CancellationError)
        }
    }

    private init(_ failure: HTTPFailure, hasHead: Bool, isTaskCancelled: Bool) {
        let unreachable = UpstreamError.unreachable(reason: "\(failure)")
        switch failure {
        case .cancelled where isTaskCancelled: self.init(.cancelled)
        // The client's own end: nobody cancelled this request.
        case .cancelled: self.init(hasHead ? .truncated : .unreachable(reason: "\(HTTPFailure.shutDown)"))
        case .shutDown: self.init(hasHead ? .truncated : unreachable)
        case .timedOut: self.init(.timedOut, retry: .afterBackOff)
        case .notConnected where hasHead: self.init(.truncated, retry: .afterBackOff)
        case .notConnected, .proxy(.refuses), .tls(.hungUp), .tls(.other):
            self.init(unreachable, retry: .afterBackOff)
        case .proxy(.demandsCredentials), .tls(.otherName), .tls(.untrusted), .tls(.clientCertificate), .tls(.noTLS):
            self.init(unreachable)
        case .malformed where hasHead: self.init(.truncated, retry: .afterBackOff)
        case .malformed(let reason): self.init(.malformedAnswer(reason: reason))
        case .closed, .broken:
            self.init(hasHead ? .truncated : unreachable, retry: hasHead ? .afterBackOff : .atOnce)
        }
    }
}
