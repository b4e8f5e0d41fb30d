internal import Upstream

/// How often, and after which pauses, a fill asks again after its transfer broke.
package struct FillRetries: Sendable, Hashable {
    /// Attempts in a row that bring no byte; one that does starts the count anew. Default 5.
    package var attempts: Int
    /// Attempts in all for one transfer, however many bytes each brings: one byte at a time must not go on for ever.
    /// Default 100.
    package var attemptsInAll: Int
    /// The pause after the first failure; doubles with each. Default 200 milliseconds.
    package var firstPause: Duration
    /// Default 10 seconds.
    package var longestPause: Duration

    package init(
        attempts: Int = 5, attemptsInAll: Int = 100, firstPause: Duration = .milliseconds(200),
        longestPause: Duration = .seconds(10)
    ) {
        self.attempts = attempts
        self.attemptsInAll = attemptsInAll
        self.firstPause = firstPause
        self.longestPause = longestPause
    }

    /// The pause before going on after `failures` failures in a row; nil: give up.
    ///
    /// - Parameter jitter: from 0 to 1; half of the pause is left to chance, so that many fills that broke together
    ///   do not come back together.
    func pause(after failures: Int, error: UpstreamError, jitter: Double) -> Duration? {
        guard failures < attempts else { return nil }
        switch error {
        case .truncated, .timedOut, .unreachable, .malformedAnswer: break
        case .serverError(_, let retryAfter):
            if let retryAfter { return retryAfter <= longestPause ? retryAfter : nil }
        case .notFound, .unauthorized, .rateLimited, .budgetSpent, .credentialsUnavailable, .unexpectedStatus,
            .tooLarge, .redirectRefused, .realmRefused,
            .tokenEndpoint, .cancelled:
            return nil
        }
        let doubled = firstPause * (1 << min(failures - 1, 16))
        let bounded = min(doubled, longestPause)
        return bounded * (0.5 + jitter / 2)
    }
}
