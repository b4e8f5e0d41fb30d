internal import FoundationEssentials

/// The run whose report is in the documentation: a network starts, is steady, and loses 30 % of its nodes.
package struct SimulationStory {
    /// What was found within one stretch of time.
    package struct Stretch: Sendable {
        let minute: Int
        let isChurning: Bool
        let share: Double
        let hops: Distribution
        let time: Distribution
    }

    let configuration: PeerSimulation.Configuration
    let steady: SimulationReport
    let churning: SimulationReport
    let findings: (hops: Distribution, requests: Distribution, time: Distribution, found: Int, missed: Int)
    let stretches: [Stretch]
    let wallTime: Duration

    /// - Parameter say: told how far it is.
    package init(nodeCount: Int, _ say: (String) -> Void) throws {
        let start = ContinuousClock.now
        var configuration = PeerSimulation.Configuration()
        configuration.nodeCount = nodeCount
        self.configuration = configuration
        let simulation = try PeerSimulation(configuration)
        simulation.startAll()
        simulation.run(until: .seconds(Self.steadyFrom * 60))
        say("all have joined, \(ContinuousClock.now - start)")
        simulation.resetStatistics()
        var stretches: [Stretch] = []
        func follow(_ minutes: Range<Int64>) {
            for minute in stride(from: minutes.lowerBound, to: minutes.upperBound, by: 2) {
                let result = simulation.find(count: Self.findCount, over: .seconds(110))
                simulation.run(until: .seconds((minute + 2) * 60))
                let isChurning = minute >= Self.churnFrom && minute < Self.churnTo
                let (hops, time) = (result.hops, result.time)
                stretches.append(
                    Stretch(minute: Int(minute), isChurning: isChurning, share: result.share, hops: hops, time: time))
                say("minute \(minute): found \(result.share), hops \(hops.mean), \(ContinuousClock.now - start)")
                if minute < Self.churnFrom { steadyResults.append(result) }
            }
        }
        var steadyResults: [FindingResult] = []
        follow(Self.steadyFrom..<Self.churnFrom)
        steady = simulation.report
        findings = Self.sum(steadyResults)
        simulation.resetStatistics()
        simulation.churn(0.3, over: .seconds((Self.churnTo - Self.churnFrom) * 60))
        follow(Self.churnFrom..<Self.churnTo)
        churning = simulation.report
        follow(Self.churnTo..<Self.end)
        self.stretches = stretches
        wallTime = ContinuousClock.now - start
    }

    private static func sum(
        _ results: [FindingResult]
    ) -> (hops: Distribution, requests: Distribution, time: Distribution, found: Int, missed: Int) {
        (
            Distribution(results.flatMap(\.hops.values)), Distribution(results.flatMap(\.requests.values)),
            Distribution(results.flatMap(\.time.values)), results.reduce(0) { $0 + $1.found },
            results.reduce(0) { $0 + $1.missed }
        )
    }

    /// Writes `peers-simulation.md` and `peers-simulation.svg`.
    package func write(to folder: String) throws {
        try Data(document.utf8).write(to: URL(filePath: "\(folder)/peers-simulation.md"))
        try Data(plot.utf8).write(to: URL(filePath: "\(folder)/peers-simulation.svg"))
    }

    /// Minutes of the run.
    static let steadyFrom: Int64 = 10
    static let churnFrom: Int64 = 26
    static let churnTo: Int64 = 36
    static let end: Int64 = 46
    private static let findCount = 1000
}
