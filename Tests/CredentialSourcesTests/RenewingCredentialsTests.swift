import CredentialSources
import Credentials
import Synchronization
import Testing
import Timekeeping

@Suite(.timeLimit(.minutes(1))) struct RenewingCredentialsTests {
    /// Gives what it is told to, once it may.
    private final class Cloud: Sendable {
        let attempts = Mutex(0)
        let isOpen = Mutex(false)
        let life: Duration?
        let clock: ManualWallClock
        let isFailing = Mutex(false)

        init(clock: ManualWallClock, life: Duration? = nil, isOpen: Bool = true) {
            self.clock = clock
            self.life = life
            self.isOpen.withLock { $0 = isOpen }
        }

        func fetch() async throws(CredentialError) -> IssuedCredentials {
            let number = attempts.withLock { attempts in
                attempts += 1
                return attempts
            }
            while !isOpen.withLock(\.self), !Task.isCancelled { try? await Task.sleep(for: .milliseconds(1)) }
            if isFailing.withLock(\.self) { throw .unavailable(reason: "closed") }
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
        #expect(cloud.attempts.withLock(\.self) == 0)
        try await withThrowingTaskGroup(of: IssuedCredentials.self) { group in
            for _ in 0..<100 { group.addTask { try await source.credentials() } }
            #expect(await eventually { cloud.attempts.withLock(\.self) == 1 })
            cloud.isOpen.withLock { $0 = true }
            for try await issued in group {
                #expect(issued.credentials == .basic(username: "u", password: "p1"))
            }
        }
        #expect(cloud.attempts.withLock(\.self) == 1)
    }

    @Test func `one that leaves ends its own wait alone`() async throws {
        let cloud = Cloud(clock: ManualWallClock(), isOpen: false)
        let source = source(cloud)
        let leaver = Task { try await source.credentials() }
        #expect(await eventually { cloud.attempts.withLock(\.self) == 1 })
        let other = Task { try await source.credentials() }
        leaver.cancel()
        await #expect(throws: CredentialError.self) { try await leaver.value }
        cloud.isOpen.withLock { $0 = true }
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
        cloud.isFailing.withLock { $0 = true }
        #expect(try await source.credentials() == first)
        #expect(await eventually { source.report(at: clock.now()).condition == .renewalFails })
        #expect(try await source.credentials() == first)
        clock.advance(by: .seconds(600))
        await #expect(throws: CredentialError.unavailable(reason: "closed")) { try await source.credentials() }
        #expect(source.report(at: clock.now()).condition == .expired)
        cloud.isFailing.withLock { $0 = false }
        clock.advance(by: .seconds(60))
        #expect(try await source.credentials() != first)
        #expect(source.report(at: clock.now()).condition == .good)
        #expect(await eventually { logs.count(of: "good again") == 1 })
        #expect(logs.count(of: "need attention") == 2)
        #expect(!logs.text.contains("p1"))
    }
}
