import DaySimulation
import PullThroughCache
import RegistryTestKit
import Testing
import Timekeeping
import Upstream

@Suite(.timeLimit(.minutes(2)))
struct DaySimulationTests {
    private static let small = DayPlan.Size(clients: 40, pulls: 600, repositories: 24)

    @Test func `a plan is the same for the same seed, and what was asked for`() {
        let (first, second) = (DayPlan(Self.small), DayPlan(Self.small))
        #expect(first.pullCount == 600)
        #expect(first.images == second.images)
        #expect(first.moments.map(\.event) == second.moments.map(\.event))
        #expect(first.moments.map(\.milliseconds) == first.moments.map(\.milliseconds).sorted())
        #expect(DayPlan(Self.small, seed: 7).moments.map(\.event) != first.moments.map(\.event))
    }

    @Test func `Weir asks for less than it is asked, and serves on where the limit is spent`() async throws {
        let limit = PullLimit(40, perSeconds: 21_600)
        let comparison = try await DayComparison.run(
            DayPlan(Self.small), regime: PullRegime(anonymous: limit, personal: limit), named: "small",
            accountCounts: [1])
        let totals = comparison.outcomes.map(\.total)
        let (none, registry, weir) = (totals[0], totals[1], totals[2])
        #expect(comparison.outcomes.compactMap(\.firstFailure) == [])
        #expect(totals.map(\.pulls) == [600, 600, 600])
        // Whatever is behind it, nobody gets more than the limit gives: four windows, and the one under way.
        #expect(totals.allSatisfy { $0.counted <= 5 * 40 })
        #expect(none.refused > 300)
        #expect(weir.refused < none.refused / 4)
        #expect(weir.refused <= registry.refused)
        #expect(weir.heads < registry.heads / 2)
    }

    @Test func `without a limit a day in Weir costs each manifest once`() async throws {
        let plan = DayPlan(Self.small)
        let contents = DayContents(plan)
        let clock = ManualWallClock()
        let begin = clock.now()
        let limit = PullLimit(100_000, perSeconds: 86_400)
        let hub = SimulatedHub(clock: clock, .init(regime: PullRegime(anonymous: limit, personal: limit)))
        hub.add(SimulatedHub.Account("alice", password: "secret"))
        let (outcome, booked) = try await WeirDay.withRunning(
            contents: contents, hub: hub, clock: clock, accounts: [.init("alice", password: "secret")]
        ) { weir in
            let run = DayRun(contents: contents, hub: hub, clock: clock)
            let outcome = await run.outcome(of: weir, named: "weir")
            return (outcome, try await weir.bookedPulls(since: begin))
        }
        #expect(outcome.total.refused == 0 && outcome.total.failed == 0, "\(outcome.firstFailure ?? "")")
        #expect(outcome.total.counted <= 2 * contents.versions.reduce(0) { $0 + $1.count })
        // What the upstream counted is what the books say.
        #expect(outcome.total.counted == booked)
        #expect(hub.tally(of: .account("alice")).pulls == booked)
    }

    @Test func `the report and the picture have every system and every number`() async throws {
        let limit = PullLimit(40, perSeconds: 21_600)
        let plan = DayPlan(.init(clients: 10, pulls: 50, repositories: 6))
        let comparison = try await DayComparison.run(
            plan, regime: PullRegime(anonymous: limit, personal: limit), named: "a < b", accountCounts: [])
        let report = DayReport(plan: plan, comparisons: [comparison]).markdown
        let picture = DayPlot(comparisons: [comparison]).svg
        for outcome in comparison.outcomes {
            #expect(report.contains("| \(outcome.name) | \(outcome.total.counted) | \(outcome.total.heads) |"))
            #expect(picture.contains(">\(outcome.name)</text>"))
        }
        #expect(picture.contains("a &lt; b"))
        #expect(picture.count { $0 == "\n" } > 20)
    }

    /// Every image is of two manifests; nothing moves.
    @Test func `warming leaves twice the reserve to clients, goes on when it is said to, and pulls nothing twice`()
        async throws
    {
        let plan = DayPlan(.init(clients: 4, pulls: 0, repositories: 24))
        let contents = DayContents(plan)
        let clock = ManualWallClock()
        let limit = PullLimit(40, perSeconds: 21_600)
        let hub = SimulatedHub(clock: clock, .init(regime: PullRegime(anonymous: limit, personal: limit)))
        hub.add(SimulatedHub.Account("alice", password: "secret"))
        try await WeirDay.withRunning(
            contents: contents, hub: hub, clock: clock, accounts: [.init("alice", password: "secret")]
        ) { weir in
            var pending = Array(plan.images.indices.dropLast())
            /// Warms one after another until it is refused.
            func warm() async throws -> UpstreamError.SpentBudget? {
                while let image = pending.first {
                    do {
                        try await weir.warm(image)
                        pending.removeFirst()
                    } catch CacheError.upstream(.budgetSpent(let budget)) {
                        return budget
                    }
                }
                return nil
            }
            var windows = 0
            while let refusal = try await warm() {
                windows += 1
                try #require(windows < 10)
                // The reserve is a tenth.
                #expect(refusal.reason == .reserved)
                #expect(hub.tally(of: .account("alice")).pulls == windows * 32 + (windows > 1 ? 2 : 0))
                // To try again at once asks nobody.
                let before = hub.total
                #expect(try await warm() != nil)
                #expect(hub.total == before)
                // A client may have what it waits for.
                if windows == 1 {
                    let image = plan.images.count - 1
                    guard case .manifest(let index) = await weir.resolve(image, client: 0),
                        case .manifest = await weir.fetch(index, of: image, client: 0),
                        let child = contents.child(of: index, image: image),
                        case .manifest = await weir.fetch(child, of: image, client: 0)
                    else {
                        Issue.record("a client was refused")
                        return
                    }
                }
                clock.advance(by: try #require(refusal.retryAfter))
            }
            #expect(hub.total.refusedPulls == 0)
            #expect(hub.total.pulls == 2 * plan.images.count)
            // And again: everything is there.
            let before = hub.total.pulls
            for image in plan.images.indices { try await weir.warm(image) }
            #expect(hub.total.pulls == before)
        }
    }
}
