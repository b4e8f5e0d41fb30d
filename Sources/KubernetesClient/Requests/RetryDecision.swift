/// Whether a refused or failed request is sent again, and when.
///
/// 429 and 503 with a time to wait are the server's word that it did nothing: those are tried again whatever was asked.
/// Anything else is tried again by whoever asked, who knows whether it may have happened.
struct RetryDecision: Hashable {
    static let attemptLimit = 5
    /// A server that asks for more patience than this is not waited for.
    static let longestWait = Duration.seconds(30)

    /// - Parameters:
    ///   - attempt: 1 for the first.
    ///   - jitter: from 0 to 1; many replicas that were refused at once come back apart.
    static func wait(after error: KubernetesError, attempt: Int, jitter: Double) -> Duration? {
        guard attempt < attemptLimit, let status = error.status else { return nil }
        guard status.code == 429 || (500...599).contains(status.code), let wait = status.retryAfter else {
            guard status.code == 429 else { return nil }
            // Without a word on when: one second, doubled each time.
            return .seconds(1 << (attempt - 1)) * (0.75 + jitter / 2)
        }
        guard wait <= longestWait else { return nil }
        return wait + .milliseconds(Int(jitter * 250))
    }
}
