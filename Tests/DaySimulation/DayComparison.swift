internal import OCI
package import RegistryTestKit
internal import Timekeeping

/// The same day under one regime of limits, once for each system.
package struct DayComparison: Sendable {
    package let regimeName: String
    package let regime: PullRegime
    package let outcomes: [DayOutcome]

    /// Noon would begin a day in the middle of a window; midnight is as good as any other moment.
    private static let begin = Timestamp(seconds: 1_743_465_600)

    /// - Parameter accountCounts: Weir is run once for each.
    package static func run(
        _ plan: DayPlan, regime: PullRegime, named name: String, accountCounts: [Int]
    ) async throws -> DayComparison {
        let contents = DayContents(plan)
        var outcomes: [DayOutcome] = []
        for system in [System.none, .dockerRegistry] + accountCounts.map({ System.weir(accounts: $0) }) {
            outcomes.append(try await run(system, contents, regime))
        }
        return DayComparison(regimeName: name, regime: regime, outcomes: outcomes)
    }

    private enum System {
        case none, dockerRegistry
        case weir(accounts: Int)
    }

    private static func run(_ system: System, _ contents: DayContents, _ regime: PullRegime) async throws -> DayOutcome
    {
        let clock = ManualWallClock(begin)
        let hub = SimulatedHub(clock: clock, SimulatedHub.Settings(regime: regime))
        let accounts = (1...8).map { SimulatedHub.Account("account\($0)", password: "secret\($0)") }
        for account in accounts { hub.add(account) }
        let run = DayRun(contents: contents, hub: hub, clock: clock)
        let first = SimulatedHub.Source.account(accounts[0].name)
        switch system {
        case .none:
            let model = NoCacheModel(contents: contents, hub: hub, account: first)
            return await run.outcome(of: model, named: "no cache, one account (model)")
        case .dockerRegistry:
            let model = DockerRegistryModel(contents: contents, hub: hub, account: first, clock: clock)
            return await run.outcome(of: model, named: "docker-registry, one account (model)")
        case .weir(let count):
            let words = [1: "one account", 2: "two accounts", 3: "three accounts"]
            let name = "Weir, " + (words[count] ?? "\(count) accounts")
            return try await WeirDay.withRunning(
                contents: contents, hub: hub, clock: clock, accounts: Array(accounts.prefix(count))
            ) { weir in await run.outcome(of: weir, named: name) }
        }
    }
}
