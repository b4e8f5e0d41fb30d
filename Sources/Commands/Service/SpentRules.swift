internal import Rules
internal import Synchronization

/// Rules whose pulls ran out while images were warmed: no further image of theirs is begun.
final class SpentRules: Sendable {
    struct Wait: Sendable { var retryAfter: Duration? }

    private let waits = Mutex<[RuleName: Wait]>([:])

    subscript(rule: RuleName) -> Wait? { waits.withLock { $0[rule] } }

    func note(_ rule: RuleName, retryAfter: Duration?) {
        waits.withLock { $0[rule] = Wait(retryAfter: retryAfter) }
    }
}
