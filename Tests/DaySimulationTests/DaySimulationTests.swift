import DaySimulation
import RegistryTestKit
import Testing
import Timekeeping

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
}
