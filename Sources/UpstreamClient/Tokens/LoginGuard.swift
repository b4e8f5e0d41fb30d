package import Timekeeping

/// Keeps refused logins from being tried over and over: registries lock accounts after some failures.
///
/// Each refused scope waits for a time of its own. Where the credentials themselves seem wrong (401 several times,
/// without any success between), the whole account waits. Some upstreams also answer 401 for what an account merely may
/// not see; so credentials that have worked are doubted later, and a client that asks for what is forbidden does not
/// shut the others out so soon. New credentials come with a new client, and a clean record.
package struct LoginGuard: Sendable {
    /// The first wait; each further refusal doubles it.
    package static let waitMin = Duration.seconds(5)
    /// The longest wait of one scope: what was forbidden may be granted any time.
    package static let scopeWaitMax = Duration.seconds(60)
    package static let accountWaitMax = Duration.seconds(600)
    /// Refusals in a row, whatever the scope, that stop the account as a whole.
    package static let accountLimit = 3
    /// The same, where the credentials have worked before.
    package static let provenAccountLimit = 10
    private static let scopeLimit = 256

    private struct Record {
        var failureCount: Int
        var status: Int
        var until: Timestamp
    }

    private var scopes: [String: Record] = [:]
    private var account: Record?
    private var isProven = false

    package init() {}

    /// The status to answer with rather than to log in; nil: try.
    package func refusal(of scope: String, now: Timestamp) -> Int? {
        // A wait that is longer than any comes from a clock that was set back.
        for case let record? in [account, scopes[scope]]
        where now < record.until && record.until - now <= Self.accountWaitMax {
            return record.status
        }
        return nil
    }

    /// Until when the whole account waits; nil: it does not.
    package func accountRefusal(now: Timestamp) -> Timestamp? {
        guard let until = account?.until, now < until, until - now <= Self.accountWaitMax else { return nil }
        return until
    }

    /// - Parameter hasCredentials: whether an account was refused, rather than an anonymous request.
    package mutating func refused(_ scope: String, status: Int, hasCredentials: Bool, now: Timestamp) {
        if scopes.count >= Self.scopeLimit { scopes = scopes.filter { now < $0.value.until } }
        if scopes.count < Self.scopeLimit || scopes[scope] != nil {
            let count = (scopes[scope]?.failureCount ?? 0) + 1
            let wait = Self.wait(after: count, limit: Self.scopeWaitMax)
            scopes[scope] = Record(failureCount: count, status: status, until: now + wait)
        }
        if hasCredentials, status == 401 {
            let count = (account?.failureCount ?? 0) + 1
            let tolerated = isProven ? Self.provenAccountLimit : Self.accountLimit
            let wait =
                count >= tolerated ? Self.wait(after: count - tolerated + 1, limit: Self.accountWaitMax) : .zero
            account = Record(failureCount: count, status: status, until: now + wait)
        }
    }

    package mutating func succeeded(_ scope: String) {
        scopes[scope] = nil
        account = nil
        isProven = true
    }

    static func wait(after failures: Int, limit: Duration) -> Duration {
        min(waitMin * (1 << min(failures - 1, 10)), limit)
    }
}
