/// When credentials are got anew, and how long a failure keeps from trying again.
package struct RenewalPolicy: Sendable, Hashable {
    /// How long what nobody gives an end is used before it is got anew; nil: until it is refused.
    package var lifetimeWithoutEnd: Duration?
    /// What one attempt may take.
    package var attemptLimit: Duration
    /// The wait after the first failure; each further one doubles it.
    package var firstRetry: Duration
    /// The longest wait after a failure.
    package var longestRetry: Duration

    package init(
        lifetimeWithoutEnd: Duration? = nil, attemptLimit: Duration = .seconds(30), firstRetry: Duration = .seconds(1),
        longestRetry: Duration = .seconds(60)
    ) {
        self.lifetimeWithoutEnd = lifetimeWithoutEnd
        self.attemptLimit = attemptLimit
        self.firstRetry = firstRetry
        self.longestRetry = longestRetry
    }

    /// How long before their end credentials of this life are got anew: a sixth of it, at least half a minute and an
    /// hour at the most, and never more than half.
    static func margin(of life: Duration) -> Duration {
        min(min(max(life / 6, .seconds(30)), .seconds(3600)), life / 2)
    }

    /// - Parameter failures: in a row, from 1.
    func wait(after failures: Int) -> Duration {
        let doublings = min(max(failures, 1) - 1, 30)
        return min(firstRetry * (1 << doublings), longestRetry)
    }
}
