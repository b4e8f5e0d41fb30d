internal import Concurrency
internal import Synchronization
package import Timekeeping

/// One account's refused logins, whichever addresses they left by: registries lock accounts, not addresses.
package final class LoginRecord: Sendable {
    private struct State {
        var logins = LoginGuard()
        /// Whether credentials that nobody can be sure of are being tried.
        var isTrying = false
        /// Those who would try them too.
        var waiters: [Waiter<Void>] = []
    }

    private let state = Mutex(State())

    package init() {}

    /// Until when the account as a whole is left alone; nil: it may log in.
    package func refusedUntil(now: Timestamp) -> Timestamp? {
        state.withLock { $0.logins.accountRefusal(now: now) }
    }

    /// The status to answer with rather than to log in; nil: try.
    func refusal(of scope: String, now: Timestamp) -> Int? {
        state.withLock { $0.logins.refusal(of: scope, now: now) }
    }

    func refused(_ scope: String, status: Int, hasCredentials: Bool, now: Timestamp) {
        state.withLock { $0.logins.refused(scope, status: status, hasCredentials: hasCredentials, now: now) }
    }

    func succeeded(_ scope: String) { state.withLock { $0.logins.succeeded(scope) } }

    /// Begins with a clean record: other credentials do, and an account that an operator has tried at once.
    package func forget() { state.withLock { $0.logins = LoginGuard() } }

    /// Performs `login`, which notes its outcome here. As long as the credentials have not worked, or were refused when
    /// they were last shown, one after another: many at once would be refused, and counted, before the first tells.
    func trying<Value>(_ login: () async -> Value) async -> Value {
        while true {
            let (mayGo, isAlone, waiter) = state.withLock { state -> (Bool, Bool, Waiter<Void>?) in
                if state.logins.isTrusted { return (true, false, nil) }
                guard state.isTrying else {
                    state.isTrying = true
                    return (true, true, nil)
                }
                let waiter = Waiter<Void>()
                state.waiters.append(waiter)
                return (false, false, waiter)
            }
            if mayGo {
                defer { if isAlone { leave() } }
                return await login()
            }
            // A login's time is bounded, and so is the wait. Who is cancelled is told so by the request itself.
            do { try await waiter?.value() } catch { return await login() }
        }
    }

    private func leave() {
        let waiters = state.withLock { state in
            state.isTrying = false
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter.resume(.success(())) }
    }
}
