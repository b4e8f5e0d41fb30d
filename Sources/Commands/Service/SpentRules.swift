internal import Rules
internal import Synchronization
internal import Upstream

/// Rules whose pulls ran out while images were warmed: no further image of theirs is begun.
final class SpentRules: Sendable {
    struct Wait: Sendable {
        var reason: String
        var retryAfter: Duration?

        /// Nil where `error` is no matter of what is left.
        init?(_ error: UpstreamError) {
            switch error {
            case .rateLimited(.pull, let retryAfter): (reason, self.retryAfter) = ("no pulls are left", retryAfter)
            case .budgetSpent(let budget):
                reason =
                    switch budget.reason {
                    case .spent: "no pulls are left"
                    case .reserved: "the pulls that are left are kept for clients"
                    case .slowed: "the upstream asks for fewer requests"
                    }
                retryAfter = budget.retryAfter
            default: return nil
            }
        }
    }

    private let waits = Mutex<[RuleName: Wait]>([:])

    subscript(rule: RuleName) -> Wait? { waits.withLock { $0[rule] } }

    func note(_ rule: RuleName, _ wait: Wait) { waits.withLock { $0[rule] = wait } }
}
