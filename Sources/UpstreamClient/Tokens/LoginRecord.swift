internal import Synchronization
package import Timekeeping

/// One account's refused logins, whichever addresses they left by: registries lock accounts, not addresses.
package final class LoginRecord: Sendable {
    private let state = Mutex(LoginGuard())

    package init() {}

    /// Until when the account as a whole is left alone; nil: it may log in.
    package func refusedUntil(now: Timestamp) -> Timestamp? {
        state.withLock { $0.accountRefusal(now: now) }
    }

    /// The status to answer with rather than to log in; nil: try.
    func refusal(of scope: String, now: Timestamp) -> Int? { state.withLock { $0.refusal(of: scope, now: now) } }

    func refused(_ scope: String, status: Int, hasCredentials: Bool, now: Timestamp) {
        state.withLock { $0.refused(scope, status: status, hasCredentials: hasCredentials, now: now) }
    }

    func succeeded(_ scope: String) { state.withLock { $0.succeeded(scope) } }

    /// Begins with a clean record: other credentials do, and an account that an operator has tried at once.
    package func forget() { state.withLock { $0 = LoginGuard() } }
}
