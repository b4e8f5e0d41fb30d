/// Whether and when a failed attempt at an idempotent request is followed by another.
struct RetryPolicy: Sendable, Hashable {
    /// The first pause; each further one is twice as long, up to ``pauseMax``.
    static let pauseMin = Duration.milliseconds(200)
    static let pauseMax = Duration.seconds(5)

    /// Attempts in all.
    var attempts: Int
    /// After this no further attempt begins.
    var budget: Duration
    /// The longest wait that an upstream may ask for.
    var retryAfterLimit: Duration

    /// How long to pause before the next attempt; nil: there is none.
    /// - Parameters:
    ///   - attempt: the one that failed, from 1.
    ///   - random: from 0 to 1. Pauses are spread from half to the whole, so that those who failed together do not
    ///     come back together.
    func pause(after retry: Failure.Retry, attempt: Int, elapsed: Duration, random: Double) -> Duration? {
        guard attempt < attempts, elapsed < budget else { return nil }
        let spread = 0.5 + 0.5 * min(max(random, 0), 1)
        let backOff = min(Self.pauseMin * (1 << min(attempt - 1, 10)), Self.pauseMax) * spread
        let pause: Duration
        switch retry {
        case .never: return nil
        case .atOnce: pause = attempt == 1 ? .zero : backOff
        case .afterBackOff: pause = backOff
        case .after(let asked):
            guard asked <= retryAfterLimit else { return nil }
            pause = max(asked, backOff)
        }
        return elapsed + pause < budget ? pause : nil
    }
}
