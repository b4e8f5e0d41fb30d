import Credentials
import OCI
import Quota
import QuotaGovernor
import RegistryTestKit
import Synchronization
import Testing
import Timekeeping
import Upstream
import UpstreamClient

@Suite(.timeLimit(.minutes(2)))
struct GovernorTests {
    @Test func `three accounts are spent one beside the other, and none beyond its limit`() async throws {
        var settings = SimulatedHub.Settings(
            regime: PullRegime(
                anonymous: PullLimit(10, perSeconds: 21_600), personal: PullLimit(20, perSeconds: 21_600)))
        settings.sendsPullRetryAfter = true
        try await Stage.run(settings) { stage in
            let governor = try stage.governor(["alice", "bob", "carol"])
            var refused: UpstreamError?
            for _ in 0..<61 where refused == nil {
                stage.clock.advance(by: .milliseconds(10))
                refused = await governor.pull()
            }
            for name in ["alice", "bob", "carol"] {
                let tally = stage.hub.tally(of: .account(name))
                #expect(tally.pulls == 20)
                #expect(tally.refusedPulls == 0)
            }
            guard case .budgetSpent(let budget) = refused else {
                Issue.record("\(String(describing: refused))")
                return
            }
            #expect(budget.reason == .spent)
            #expect(!budget.leadsToUpstream)
            let wait = try #require(budget.retryAfter)
            #expect(wait <= .seconds(21_600))
            // What is not counted goes on.
            #expect(await governor.head() == nil)
            stage.clock.advance(by: wait)
            #expect(await governor.pull() == nil)
        }
    }

    @Test func `concurrent pulls do not oversubscribe the last of a window`() async throws {
        let regime = PullRegime(anonymous: PullLimit(100, perSeconds: 21_600), personal: nil)
        try await Stage.run(SimulatedHub.Settings(regime: regime)) { stage in
            let governor = try stage.governor(reserve: .pulls(0))
            stage.hub.spend(90, of: .address(countedAddress("127.0.0.1")))
            #expect(await governor.head() == nil)
            let pulled = await withTaskGroup(of: Bool.self) { group in
                for _ in 0..<40 { group.addTask { await governor.pull() == nil } }
                return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
            }
            #expect(pulled <= 10)
            #expect(stage.hub.tally(of: .address(countedAddress("127.0.0.1"))).refusedPulls == 0)
        }
    }

    @Test func `the reserve is kept for what was never cached`() async throws {
        let regime = PullRegime(anonymous: PullLimit(20, perSeconds: 21_600), personal: nil)
        try await Stage.run(SimulatedHub.Settings(regime: regime)) { stage in
            let governor = try stage.governor(reserve: .pulls(5))
            var updates = 0
            while updates < 20, await governor.pull(for: .update) == nil {
                updates += 1
                stage.clock.advance(by: .milliseconds(10))
            }
            #expect(updates == 15)
            guard case .budgetSpent(let budget)? = await governor.pull(for: .update) else {
                Issue.record("not refused")
                return
            }
            #expect(budget.reason == .reserved)
            for _ in 0..<5 {
                #expect(await governor.pull(for: .first) == nil)
                stage.clock.advance(by: .milliseconds(10))
            }
            #expect(await governor.pull(for: .first) != nil)
            #expect(governor.urgency == 1)
        }
    }

    @Test func `two addresses are two budgets, and requests leave by each`() async throws {
        let regime = PullRegime(anonymous: PullLimit(6, perSeconds: 21_600), personal: nil)
        try await Stage.run(SimulatedHub.Settings(regime: regime)) { stage in
            let governor = try stage.governor(
                egress: [.address("127.0.0.2"), .address("127.0.0.3")], reserve: .pulls(0))
            for _ in 0..<12 {
                #expect(await governor.pull() == nil)
                stage.clock.advance(by: .milliseconds(10))
            }
            #expect(await governor.pull() != nil)
            for address in ["127.0.0.2", "127.0.0.3"] {
                #expect(stage.hub.tally(of: .address(countedAddress(address))).pulls == 6)
            }
            #expect(stage.hub.tally(of: .address(countedAddress("127.0.0.1"))).pulls == 0)
        }
    }

    @Test func `an interface is bound by its address, and one without is told`() async throws {
        try await Stage.run { stage in
            let loopback = try stage.governor(egress: [.interface("lo")])
            #expect(await loopback.pull() == nil)
            let nowhere = try stage.governor(egress: [.interface("nosuch0")])
            let error = await nowhere.pull()
            #expect(error == .unreachable(reason: "the interface nosuch0 has no address here"))
            // Of two ways out one is closed: the other is taken.
            let both = try stage.governor(egress: [.interface("nosuch0"), .address("127.0.0.2")])
            for _ in 0..<4 { #expect(await both.pull() == nil) }
        }
    }

    @Test func `a wrong password is tried three times, by however many addresses, and locks nothing`() async throws {
        try await Stage.run { stage in
            let governor = try stage.governor(
                ["alice"], passwords: ["alice": "wrong"],
                egress: (2...7).map { .address("127.0.0.\($0)") })
            for number in 0..<60 {
                let error = await governor.pull(.named("library/image-\(number)"))
                #expect(error == .unauthorized(status: 401))
                stage.clock.advance(by: .milliseconds(500))
            }
            let addresses = (2...7).map { stage.hub.tally(ofAddress: "127.0.0.\($0)") }
            #expect(addresses.reduce(0) { $0 + $1.refusedLogins } <= 8)
            #expect(addresses.allSatisfy { $0.loginsWhileLocked == 0 })
            #expect(!governor.accountProblems.isEmpty)
        }
    }

    @Test func `a refused account hides no other, and anonymous is taken only where it is allowed`() async throws {
        try await Stage.run { stage in
            let wrong = ["alice": "wrong"]
            let two = try stage.governor(["alice", "bob"], passwords: wrong)
            #expect(await two.pull() == nil)
            #expect(stage.hub.tally(of: .account("bob")).pulls == 1)
            let open = try stage.governor(["alice"], passwords: wrong, anonymous: true)
            #expect(await open.pull() == nil)
            let alone = try stage.governor(["alice"], passwords: wrong)
            #expect(await alone.pull() == .unauthorized(status: 401))
        }
    }

    @Test func `a private image is found by the one account that may see it, and its blobs after it`() async throws {
        var settings = SimulatedHub.Settings()
        settings.readers = ["secret/app": ["carol"]]
        try await Stage.run(settings) { stage in
            let governor = try stage.governor(["alice", "bob", "carol"])
            let secret = RepositoryName.named("secret/app")
            #expect(await governor.pull(secret) == nil)
            stage.registry.forgetRequests()
            for _ in 0..<3 {
                #expect(await governor.head(secret) == nil)
                #expect(await governor.pull(secret) == nil)
            }
            // Nobody else was bothered again.
            #expect(stage.registry.requests.allSatisfy { ($0.status ?? 0) < 400 })
            #expect(stage.hub.tally(of: .account("carol")).pulls == 4)
        }
    }

    @Test func `the abuse limit slows the address, and others go on`() async throws {
        try await Stage.run(SimulatedHub.Settings(abuseLimit: 12)) { stage in
            let governor = try stage.governor(egress: [.address("127.0.0.2"), .address("127.0.0.3")])
            var passed = 0
            for _ in 0..<100 where await governor.head() == nil { passed += 1 }
            #expect(passed > 12)
            let addresses = ["127.0.0.2", "127.0.0.3"].map { stage.hub.tally(ofAddress: $0) }
            // One refusal for each, not a hundred.
            #expect(addresses.allSatisfy { $0.refusedAsAbuse <= 3 })
            #expect(governor.report().pairs.allSatisfy { $0.state == .slowed })
        }
    }

    @Test func `every address slowed is told with the time to wait`() async throws {
        try await Stage.run { stage in
            let governor = try stage.governor()
            #expect(await governor.pull() == nil)
            stage.registry.inject(.abuseLimited(retryAfterSeconds: 60))
            _ = await governor.pull()
            stage.registry.removeAllFaults()
            let count = stage.registry.requestCount()
            guard case .budgetSpent(let budget)? = await governor.pull() else {
                Issue.record("not refused")
                return
            }
            #expect(budget.reason == .slowed)
            #expect(budget.retryAfter == .seconds(60))
            #expect(stage.registry.requestCount() == count)
            stage.clock.advance(by: .seconds(60))
            #expect(await governor.pull() == nil)
        }
    }

    @Test func `credentials that cannot be had are told, and are used when they are there`() async throws {
        try await Stage.run { stage in
            let source = SwitchedSource(.failure(.missing(reason: "no such file")))
            let governor = try stage.governor(sources: [.init(AccountName("hub"), source)])
            let error = await governor.pull()
            #expect(error == .credentialsUnavailable(reason: "the file /run/secrets/hub: no such file"))
            #expect(governor.accountProblems.map(\.account) == [AccountName("hub")])
            source.set(.success(.basic(username: "alice", password: "right")))
            stage.clock.advance(by: .seconds(30))
            #expect(await governor.pull() == nil)
            #expect(governor.accountProblems.isEmpty)
        }
    }

    @Test func `rotated credentials are taken at the next login`() async throws {
        try await Stage.run { stage in
            let source = SwitchedSource(.success(.basic(username: "alice", password: "old")))
            let governor = try stage.governor(sources: [.init(AccountName("hub"), source)])
            #expect(await governor.pull() == .unauthorized(status: 401))
            #expect(source.refusals.withLock { $0 } == 1)
            source.set(.success(.basic(username: "alice", password: "right")))
            stage.clock.advance(by: .seconds(10))
            #expect(await governor.pull() == nil)
        }
    }

    @Test func `what was learnt survives a restart and a reload`() async throws {
        try await Stage.run { stage in
            let before = try stage.governor(["alice", "bob"])
            stage.hub.spend(150, of: .account("alice"))
            for _ in 0..<3 {
                #expect(await before.pull() == nil)
                stage.clock.advance(by: .milliseconds(10))
            }
            let records = before.takeChanges()
            #expect(records.count == 2)
            #expect(before.takeChanges().isEmpty)
            let restarted = try stage.governor(["alice", "bob"], records: records)
            #expect(restarted.report().pairs.map(\.remaining) == before.report().pairs.map(\.remaining))
            let reloaded = try stage.governor(
                ["alice", "carol"], predecessor: before, unchanged: [AccountName("alice")])
            #expect(reloaded.report().pairs[0].remaining == before.report().pairs[0].remaining)
            #expect(reloaded.report().pairs[1].state == .unknown)
            // Tokens stay as well.
            let issued = stage.hub.issuedTokenCount
            let blocked = await reloaded.head()
            #expect(blocked == nil)
            #expect(stage.hub.issuedTokenCount <= issued + 1)
        }
    }

    @Test func `a probe tells what is left, pulls nothing, and nobody probes what is not used`() async throws {
        try await Stage.run { stage in
            let governor = try stage.governor(["alice", "bob"])
            await governor.probeIfDue()
            #expect(stage.registry.requestCount() == 0)
            let probed = await governor.probe()
            let results = try #require(probed)
            #expect(results.allSatisfy { $0.failure == nil && $0.toldLimits })
            #expect(governor.report().pairs.map(\.remaining) == [200, 200])
            #expect(stage.hub.total.pulls == 0)
            // After a while, and a request, those that nobody heard of are asked after.
            stage.clock.advance(by: .seconds(3600))
            #expect(await governor.pull() == nil)
            stage.registry.forgetRequests()
            await governor.probeIfDue()
            #expect(stage.registry.requests.contains { $0.method == "HEAD" })
            #expect(stage.hub.total.pulls == 1)
        }
    }

    @Test func `an explanation chooses whom a pull chooses`() async throws {
        try await Stage.run { stage in
            let governor = try stage.governor(["alice", "bob"])
            _ = await governor.probe()
            stage.hub.spend(0, of: .account("bob"))
            for _ in 0..<4 {
                let explanation = governor.explain(.firstPull, in: "library/nginx")
                let expected = try #require(explanation.candidates.first)
                #expect(expected.verdict == .chosen)
                let before = stage.hub.tally(of: .account("\(expected.pair.account)")).pulls
                #expect(await governor.pull() == nil)
                #expect(stage.hub.tally(of: .account("\(expected.pair.account)")).pulls == before + 1)
                stage.clock.advance(by: .milliseconds(10))
            }
        }
    }

    @Test func `a missing image is missing, and few are asked`() async throws {
        try await Stage.run { stage in
            let governor = try stage.governor(["alice", "bob", "carol"])
            #expect(await governor.head(.named("library/nosuch")) == .notFound)
            #expect(stage.registry.requests.filter { $0.kind == .manifest && $0.status == 404 }.count <= 3)
        }
    }
}
