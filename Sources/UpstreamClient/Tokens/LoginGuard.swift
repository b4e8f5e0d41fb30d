package import Timekeeping

/// Keeps refused logins from being tried over and over: registries lock accounts after some failures.
///
/// Each refused scope waits for a time of its own. Where the credentials themselves seem wrong (401 several times,
/// without any success between), the whole account waits. Some upstreams also answer 401 for what an account merely may
/// not see: a refusal speaks against credentials that have worked only where it is of a scope that they worked for.
/// Others are doubted later and shortly, so that a client that asks for what is forbidden does not shut the others out.
/// New credentials come with a new client, and a clean record.
package struct LoginGuard: Sendable {
    /// The first wait; each further refusal doubles it.
    package static let waitMin = Duration.seconds(5)
    /// The longest wait of one scope: what was forbidden may be granted any time.
    package static let scopeWaitMax = Duration.seconds(60)
    /// Refusals in a row, without any success between, that speak against the credentials, and stop the account.
    package static let accountLimit = 3
    /// The account's first wait after these; each further refusal doubles it. So there are never five in half an hour,
    /// for which registries and directories lock accounts by default.
    package static let accountWaitMin = Duration.seconds(900)
    package static let accountWaitMax = Duration.seconds(4 * 3600)
    /// Refusals in a row that stop the account where they may be of what it must not see.
    package static let doubtLimit = 10
    package static let doubtWaitMax = Duration.seconds(600)
    private static let scopeLimit = 256

    private struct Record {
        var failureCount: Int
        var status: Int
        var until: Timestamp
    }

    private var scopes: [String: Record] = [:]
    private var account: Record?
    /// Of the account's refusals, those that speak against its credentials.
    private var certainCount = 0
    private var isProven = false
    /// Scopes that the credentials have worked for. Bounded: it begins anew when it is full.
    private var good: Set<String> = []

    package init() {}

    /// The status to answer with rather than to log in; nil: try.
    package func refusal(of scope: String, now: Timestamp) -> Int? {
        // A wait that is longer than any comes from a clock that was set back.
        if let account, accountRefusal(now: now) != nil { return account.status }
        guard let record = scopes[scope], now < record.until, record.until - now <= Self.scopeWaitMax else {
            return nil
        }
        return record.status
    }

    /// Whether the credentials worked when they were last shown.
    package var isTrusted: Bool { isProven && account == nil }

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
            if !isProven || good.contains(scope) { certainCount += 1 }
            account = Record(failureCount: count, status: status, until: now + accountWait(after: count))
        }
    }

    private func accountWait(after count: Int) -> Duration {
        if certainCount >= Self.accountLimit {
            return Self.wait(
                after: certainCount - Self.accountLimit + 1, from: Self.accountWaitMin, limit: Self.accountWaitMax)
        }
        return count >= Self.doubtLimit
            ? Self.wait(after: count - Self.doubtLimit + 1, limit: Self.doubtWaitMax) : .zero
    }

    package mutating func succeeded(_ scope: String) {
        scopes[scope] = nil
        account = nil
        certainCount = 0
        isProven = true
        if good.count >= Self.scopeLimit { good = [] }
        good.insert(scope)
    }

    static func wait(after failures: Int, from first: Duration = waitMin, limit: Duration) -> Duration {
        min(first * (1 << min(failures - 1, 10)), limit)
    }
}
