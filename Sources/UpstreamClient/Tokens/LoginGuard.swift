package import Timekeeping

/// Keeps refused logins from being tried over and over: registries lock accounts after some failures.
///
/// Each refused scope waits for a time of its own. Where the credentials themselves seem wrong (401 several times,
/// without any success between), the whole account waits. New credentials come with a new client, and a clean record.
package struct LoginGuard: Sendable {
    /// The first wait; each further refusal doubles it.
    package static let waitMin = Duration.seconds(5)
    package static let waitMax = Duration.seconds(600)
    /// Refusals in a row, whatever the scope, that stop the account as a whole.
    package static let accountLimit = 3
    private static let scopeLimit = 256

    private struct Record {
        var failureCount: Int
        var status: Int
        var until: Timestamp
    }

    private var scopes: [String: Record] = [:]
    private var account: Record?

    package init() {}

    /// The status to answer with rather than to log in; nil: try.
    package func refusal(of scope: String, now: Timestamp) -> Int? {
        // A wait that is longer than any comes from a clock that was set back.
        for case let record? in [account, scopes[scope]]
        where now < record.until && record.until - now <= Self.waitMax {
            return record.status
        }
        return nil
    }

    /// - Parameter hasCredentials: whether an account was refused, rather than an anonymous request.
    package mutating func refused(_ scope: String, status: Int, hasCredentials: Bool, now: Timestamp) {
        if scopes.count >= Self.scopeLimit { scopes = scopes.filter { now < $0.value.until } }
        if scopes.count < Self.scopeLimit || scopes[scope] != nil {
            let count = (scopes[scope]?.failureCount ?? 0) + 1
            scopes[scope] = Record(failureCount: count, status: status, until: now + Self.wait(after: count))
        }
        if hasCredentials, status == 401 {
            let count = (account?.failureCount ?? 0) + 1
            let wait = count >= Self.accountLimit ? Self.wait(after: count - Self.accountLimit + 1) : .zero
            account = Record(failureCount: count, status: status, until: now + wait)
        }
    }

    package mutating func succeeded(_ scope: String) {
        scopes[scope] = nil
        account = nil
    }

    static func wait(after failures: Int) -> Duration {
        min(waitMin * (1 << min(failures - 1, 10)), waitMax)
    }
}
