internal import Concurrency
package import Credentials
internal import Synchronization
package import Timekeeping

/// Credentials that are got somewhere, kept, and got anew before they run out: one renewal for all who wait; a failure
/// waits longer each time, and leaves in use what is good still.
package final class RenewingCredentials: CredentialSource {
    package typealias Fetch = @Sendable () async throws(CredentialError) -> IssuedCredentials

    private typealias Outcome = Result<IssuedCredentials, CredentialError>

    private struct State {
        var renewal: Renewal
        /// Whoever waits for the renewal that is under way. One that left stays until it ends.
        var waiters: [Waiter<IssuedCredentials>] = []
    }

    package let origin: String
    private let policy: RenewalPolicy
    private let clock: any WallClock
    private let journal: CredentialJournal
    private let fetch: Fetch
    private let state: Mutex<State>

    /// - Parameters:
    ///   - origin: holds no secret.
    ///   - fetch: gets credentials; is cancelled where it takes longer than the policy's limit.
    package init(
        origin: String, policy: RenewalPolicy = RenewalPolicy(), clock: any WallClock, journal: CredentialJournal,
        fetch: @escaping Fetch
    ) {
        self.origin = origin
        self.policy = policy
        self.clock = clock
        self.journal = journal
        self.fetch = fetch
        state = Mutex(State(renewal: Renewal(policy: policy)))
    }

    package func credentials() async throws(CredentialError) -> IssuedCredentials {
        let now = clock.now()
        let waiter = Waiter<IssuedCredentials>()
        let decision = state.withLock { state in
            let decision = state.renewal.ask(at: now)
            if case .wait = decision { state.waiters.append(waiter) }
            return decision
        }
        switch decision {
        case .use(let issued): return issued
        case .useAndRenew(let issued):
            start()
            return issued
        case .fail(let error): throw error
        case .wait(let startsRenewal):
            if startsRenewal { start() }
            do {
                return try await waiter.value()
            } catch let error as CredentialError {
                throw error
            } catch {
                throw .unavailable(reason: "nobody waits for it any more")
            }
        }
    }

    package func noteRefused(_ credentials: AccountCredentials) {
        let now = clock.now()
        guard state.withLock({ $0.renewal.noteRefused(credentials, at: now) }) else { return }
        journal.note(report(at: now))
    }

    package func report(at now: Timestamp) -> CredentialReport {
        state.withLock { $0.renewal.report(origin: origin, at: now) }
    }

    /// The renewal belongs to no caller: one that leaves ends its own wait alone. It ends within the policy's limit.
    private func start() {
        Task {
            let outcome = await self.attempt()
            let now = self.clock.now()
            let (answer, waiters) = self.state.withLock { state in
                let answer = state.renewal.finish(outcome, at: now)
                defer { state.waiters = [] }
                return (answer, state.waiters)
            }
            self.journal.attempted(origin: self.origin, outcome)
            self.journal.note(self.report(at: now))
            for waiter in waiters { waiter.resume(answer.mapError { $0 }) }
        }
    }

    private func attempt() async -> Outcome {
        let (fetch, limit) = (fetch, policy.attemptLimit)
        return await withTaskGroup(of: Outcome?.self) { group in
            group.addTask {
                do throws(CredentialError) { return .success(try await fetch()) } catch { return .failure(error) }
            }
            group.addTask {
                try? await Task.sleep(for: limit)
                return nil
            }
            let first = await group.next()
            group.cancelAll()
            return (first ?? nil) ?? .failure(.unavailable(reason: "it gave no answer within \(limit)"))
        }
    }
}
