import Credentials
import Quota
import QuotaGovernor
import RegistryTestKit
import Synchronization
import Testing
import Timekeeping
import Upstream

/// How many accounts are asked for one request, and what a failure costs.
@Suite(.timeLimit(.minutes(1))) struct AttemptTests {
    private static let secret = "secret/app"

    @Test(arguments: [(1, true), (2, true), (3, false)])
    func `an account that sees nothing hides nothing from two more, and no further is looked`(
        _ blindCount: Int, _ isFound: Bool
    ) async throws {
        try await Stage.run(accounts: ["a", "b", "c", "d"]) { stage in
            let governor = try stage.governor(["a", "b", "c", "d"])
            // The challenge that each account's first request gets comes before.
            let isLoggedIn: @Sendable (RequestRecord) -> Bool = {
                if case .bearer = $0.authorization { true } else { false }
            }
            stage.registry.inject(
                .status(404),
                for: RequestMatcher(
                    kind: .manifest, repository: "library/nginx", occurrences: 1...blindCount, condition: isLoggedIn))
            #expect(await governor.pull() == (isFound ? nil : .notFound))
            #expect(stage.registry.requests.count { $0.kind == .manifest && $0.status == 404 } == blindCount)
        }
    }

    @Test func `who has pulled from a repository is believed that something is not there`() async throws {
        try await Stage.run { stage in
            let governor = try stage.governor(["alice", "bob", "carol"])
            #expect(await governor.pull() == nil)
            stage.registry.forgetRequests()
            stage.registry.inject(.status(404), for: .manifests)
            #expect(await governor.head() == .notFound)
            #expect(stage.registry.requests.count { $0.status == 404 } == 1)
        }
    }

    @Test func `of many accounts eight are asked for one request, and the others for the next`() async throws {
        let names = (0..<12).map { "account-\($0)" }
        var settings = SimulatedHub.Settings()
        settings.readers = [Self.secret: ["account-11"]]
        try await Stage.run(settings, accounts: names) { stage in
            let governor = try stage.governor(names)
            let first = await governor.pull(.named(Self.secret))
            #expect(first == .unauthorized(status: 401))
            let asked = stage.registry.requests.count { request in
                guard case .bearer = request.authorization else { return false }
                return request.kind == .manifest && request.status == 401
            }
            #expect(asked == 8)
            #expect(await governor.pull(.named(Self.secret)) == nil)
        }
    }

    @Test func `a pull that never left spends nothing`() async throws {
        try await Stage.run { stage in
            let governor = try stage.governor(["alice"])
            #expect(await governor.pull() == nil)
            let left = governor.report().pairs[0].remaining
            // The token runs out, the window does not.
            stage.clock.advance(by: .seconds(3600))
            stage.registry.inject(.status(500), for: .tokens)
            guard case .tokenEndpoint? = await governor.pull() else {
                Issue.record("the token endpoint did not fail")
                return
            }
            #expect(governor.report().pairs[0].remaining == left)
            #expect(governor.report().pairs[0].inFlight == 0)
        }
    }

    @Test func `an account that was refused for long is tried at once with other credentials`() async throws {
        try await Stage.run { stage in
            let source = SwitchedSource(.success(.basic(username: "alice", password: "wrong")))
            let governor = try stage.governor(sources: [.init(AccountName("hub"), source)])
            // By now its login would wait for longer than the account is set aside at a time.
            for _ in 0..<5 {
                stage.clock.advance(by: .seconds(60))
                #expect(await governor.pull() != nil)
            }
            source.set(.success(.basic(username: "alice", password: "right")))
            stage.clock.advance(by: .seconds(15))
            #expect(await governor.pull() == nil)
        }
    }

    @Test(arguments: [false, true])
    func `for a day a wrong password is tried so seldom that nothing is locked`(_ hasWorked: Bool) async throws {
        try await Stage.run { stage in
            let governor = try stage.governor(["alice"], passwords: hasWorked ? [:] : ["alice": "wrong"])
            if hasWorked {
                #expect(await governor.pull() == nil)
                stage.hub.add(SimulatedHub.Account("alice", password: "another", id: "id-alice"))
                // The token runs out.
                stage.clock.advance(by: .seconds(3600))
            }
            for minute in 0..<1440 {
                let repository = hasWorked ? Stage.nginx : .named("library/image-\(minute)")
                #expect(await governor.pull(repository) == .unauthorized(status: 401))
                #expect(!stage.hub.isLocked(.account("alice")))
                stage.clock.advance(by: .seconds(60))
            }
            let tally = stage.hub.tally(ofAddress: "127.0.0.1")
            #expect(tally.loginsWhileLocked == 0)
            // It is tried, or nobody would notice that the registry has changed its mind.
            #expect((6...14).contains(tally.refusedLogins))
        }
    }

    @Test func `an account that the registry takes again is tried at once where an operator asks for it`() async throws
    {
        try await Stage.run { stage in
            let governor = try stage.governor(["alice"], passwords: ["alice": "later"])
            for number in 0..<3 { _ = await governor.pull(.named("library/image-\(number)")) }
            stage.hub.add(SimulatedHub.Account("alice", password: "later", id: "id-alice"))
            stage.clock.advance(by: .seconds(60))
            #expect(await governor.pull() == .unauthorized(status: 401))
            governor.forgiveAccounts()
            #expect(await governor.pull() == nil)
            #expect(governor.accountProblems.isEmpty)
        }
    }

    @Test func `an account without credentials is left alone for a moment, and holds nobody up`() async throws {
        try await Stage.run { stage in
            let source = SwitchedSource(.failure(.missing(reason: "no such file")))
            let governor = try stage.governor(
                ["alice"], sources: [.init(AccountName("hub"), source)])
            for _ in 0..<10 { #expect(await governor.pull() == nil) }
            #expect(source.askedCount.withLock { $0 } <= 1)
            stage.clock.advance(by: .seconds(15))
            stage.hub.spend(1000, of: .account("alice"))
            for _ in 0..<10 { #expect(await governor.pull() != nil) }
            #expect(source.askedCount.withLock { $0 } <= 2)
        }
    }

    @Test(arguments: [true, false])
    func `a spent budget says whether clients are to go to the upstream themselves`(_ leads: Bool) async throws {
        try await Stage.run { stage in
            let governor = try stage.governor(["alice"], leadsToUpstream: leads)
            #expect(await governor.pull() == nil)
            stage.hub.spend(1000, of: .account("alice"))
            _ = await governor.pull()
            guard case .budgetSpent(let budget)? = await governor.pull() else {
                Issue.record("not refused")
                return
            }
            #expect(budget.leadsToUpstream == leads)
            #expect(budget.reason == .spent)
        }
    }
}
