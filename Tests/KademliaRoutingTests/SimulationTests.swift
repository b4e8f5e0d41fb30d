import PeerSimulation
import Testing

/// The small run of what `make simulate-peers` does with ten thousand nodes.
struct SimulationTests {
    @Test func `a whole network finds what its nodes have, bounded in hops, load and messages, and through churn`()
        throws
    {
        var configuration = PeerSimulation.Configuration()
        configuration.nodeCount = 64
        configuration.keysPerNode = 3
        configuration.joinTime = .seconds(60)
        let simulation = try PeerSimulation(configuration)
        simulation.startAll()
        simulation.run(until: .seconds(180))
        simulation.resetStatistics()
        let steady = simulation.find(count: 100, over: .seconds(120))
        simulation.run(until: .seconds(360))
        #expect(steady.found > 60 && steady.share == 1)
        #expect(steady.hops.max <= 3)
        #expect(steady.time.quantile(0.99) <= 0.02)
        let report = simulation.report
        // Those that were told while the network grew are held as well, until they are 19 minutes old.
        #expect(report.records.mean >= 3 * 20 && report.records.mean <= 3 * 20 * 3)
        #expect(report.records.max <= 6 * report.records.mean)
        #expect(report.messageRate < 200)
        #expect(report.received.max <= 8 * report.received.mean)
        #expect(report.connections.max <= 192)

        simulation.churn(0.3, over: .seconds(300))
        let churning = simulation.find(count: 100, over: .seconds(300))
        simulation.run(until: .seconds(750))
        #expect(churning.found > 40)
        #expect(churning.share >= 0.97, "found \(churning.found), missed \(churning.missed)")
    }
}
