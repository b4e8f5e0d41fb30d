import CredentialSources
import Credentials
import RegistryTestKit
import Testing
import Timekeeping

@Suite(.timeLimit(.minutes(1))) struct RenewingCredentialsTests {
    /// Gives what it is told to, once it may.
    private final class Cloud: Sendable {
        struct State {
            var attempts = 0
            var isOpen: Bool
            var isFailing = false
        }

        let state: Watched<State>
        let life: Duration?
        let clock: ManualWallClock

        init(clock: ManualWallClock, life: Duration? = nil, isOpen: Bool = true) {
            self.clock = clock
            self.life = life
            state = Watched(State(isOpen: isOpen))
        }

        func fetch() async throws(CredentialError) -> IssuedCredentials {
            let number = state.update { state in
                state.attempts += 1
                return state.attempts
            }
            try? await state.wait(for: "an open cloud") { $0.isOpen }
            if state.value.isFailing { throw .unavailable(reason: "closed") }
            return IssuedCredentials(
                .basic(username: "u", password: "p\(number)"), expiresAt: life.map { clock.now() + $0 })
        }
    }

    private func source(
        _ cloud: Cloud, policy: RenewalPolicy = RenewalPolicy(), journal: CredentialJournal = .silent
    ) -> RenewingCredentials {
        RenewingCredentials(origin: "a cloud", policy: policy, clock: cloud.clock, journal: journal) {
            () throws(CredentialError) in try await cloud.fetch()
        }
    }

    @Test func `all who wait share one renewal`() async throws {
        let cloud = Cloud(clock: ManualWallClock(), isOpen: false)
        let source = source(cloud)
        #expect(cloud.state.value.attempts == 0)
        try await withThrowingTaskGroup(of: IssuedCredentials.self) { group in
            for _ in 0..<100 { group.addTask { try await source.credentials() } }
            try await cloud.state.wait(for: "an attempt") { $0.attempts == 1 }
            cloud.state.update { $0.isOpen = true }
            for try await issued in group {
                #expect(issued.credentials == .basic(username: "u", password: "p1"))
            }
        }
        #expect(cloud.state.value.attempts == 1)
    }

    @Test func `one that leaves ends its own wait alone`() async throws {
        let cloud = Cloud(clock: ManualWallClock(), isOpen: false)
        let source = source(cloud)
        let leaver = Task { try await source.credentials() }
        try await cloud.state.wait(for: "an attempt") { $0.attempts == 1 }
        let other = Task { try await source.credentials() }
        leaver.cancel()
        await #expect(throws: CredentialError.self) { try await leaver.value }
        cloud.state.update { $0.isOpen = true }
        #expect(try await other.value.credentials == .basic(username: "u", password: "p1"))
    }

    @Test func `an attempt that takes too long ends in an error that says so`() async throws {
        let cloud = Cloud(clock: ManualWallClock(), isOpen: false)
        let source = source(cloud, policy: RenewalPolicy(attemptLimit: .milliseconds(20)))
        let error = await #expect(throws: CredentialError.self) { try await source.credentials() }
        #expect(error?.description.contains("no answer") == true)
    }

    @Test func `credentials are renewed in the background, and outlive a failure until they run out`() async throws {
        let clock = ManualWallClock()
        let cloud = Cloud(clock: clock, life: .seconds(3600))
        let logs = LogKeeper()
        let source = source(cloud, journal: CredentialJournal(kind: "test", logger: logs.logger))
        let first = try await source.credentials()
        clock.advance(by: .seconds(3001))
        cloud.state.update { $0.isFailing = true }
        #expect(try await source.credentials() == first)
        try await logs.wait(for: "renewal-fails")
        #expect(source.report(at: clock.now()).condition == .renewalFails)
        #expect(try await source.credentials() == first)
        clock.advance(by: .seconds(600))
        await #expect(throws: CredentialError.unavailable(reason: "closed")) { try await source.credentials() }
        #expect(source.report(at: clock.now()).condition == .expired)
        cloud.state.update { $0.isFailing = false }
        clock.advance(by: .seconds(60))
        #expect(try await source.credentials() != first)
        #expect(source.report(at: clock.now()).condition == .good)
        try await logs.wait(for: "good again")
        #expect(logs.count(of: "good again") == 1)
        #expect(logs.count(of: "need attention") == 2)
        #expect(!logs.text.contains("p1"))
    }
}
