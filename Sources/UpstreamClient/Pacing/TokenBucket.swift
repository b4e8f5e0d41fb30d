/// So many units each second, and a bounded burst after a pause. Time is given to it, since any fixed moment.
struct TokenBucket: Sendable, Hashable {
    let perSecond: Double
    /// What gathers while nothing is taken.
    let burst: Double
    /// Below zero where more was taken than there was, which has to be made up for.
    private var level: Double
    private var updatedAt: Duration

    /// Begins full.
    init(perSecond: Double, burst: Double, now: Duration) {
        precondition(perSecond > 0 && burst > 0)
        self.perSecond = perSecond
        self.burst = burst
        level = burst
        updatedAt = now
    }

    /// How long until `amount` is there, or the whole burst where that is less.
    mutating func delay(for amount: Double, now: Duration) -> Duration {
        refill(now)
        let missing = min(amount, burst) - level
        // What rounding leaves over must not become another, endlessly short wait.
        return missing > 1e-6 ? max(.seconds(missing / perSecond), .microseconds(1)) : .zero
    }

    /// Takes `amount`, there or not.
    mutating func take(_ amount: Double, now: Duration) {
        refill(now)
        level -= amount
    }

    /// Takes `amount` in advance: returns how long to wait before it may be used; nil, and takes nothing, where that
    /// is longer than `limit`.
    mutating func reserve(_ amount: Double, now: Duration, limit: Duration) -> Duration? {
        let delay = delay(for: amount, now: now)
        guard delay <= limit else { return nil }
        level -= amount
        return delay
    }

    /// What was taken and not used.
    mutating func giveBack(_ amount: Double) { level = min(burst, level + amount) }

    private mutating func refill(_ now: Duration) {
        guard now > updatedAt else { return }
        level = min(burst, level + (now - updatedAt) / .seconds(1) * perSecond)
        updatedAt = now
    }
}
