internal import Benchmark
internal import Foundation
internal import InProcessPeers
internal import PeerRouting
internal import Synchronization

@testable internal import KademliaRouting

/// Look-ups of present keys in a cluster of one process, each from a node that has no record of its key, and what is
/// promised of them: 99 of a hundred within 20 ms, all within 3 hops. A run in which that is not so fails.
enum Lookups {
    private static let nodeCount = 100
    private static let keysPerNode = 10
    private static let lookupCount = 1000
    private static let promisedTime = Duration.milliseconds(20)
    private static let promisedHops = 3

    static func register() {
        let cluster = RunningCluster(nodeCount: nodeCount, keysPerNode: keysPerNode)
        let hops = BenchmarkMetric.custom("Hops", useScalingFactor: false)
        let configuration = Benchmark.Configuration(
            metrics: [.wallClock, hops], warmupIterations: 0, scalingFactor: .one, maxDuration: .seconds(600),
            maxIterations: lookupCount, setup: { try await cluster.start() }, teardown: { await cluster.stop() })
        var chance = Chance(seed: 1)
        var times: [Duration] = []
        var mostHops = 0
        Benchmark("peers: look up a key among \(nodeCount) nodes", configuration: configuration) { benchmark in
            let (router, key) = try cluster.question(by: &chance)
            let collector = ProviderCollector(own: router.network.own, limit: 1)
            benchmark.startMeasurement()
            let start = ContinuousClock.now
            let ended = try await router.lookUp(key, collector) { blackHole($0) }
            times.append(ContinuousClock.now - start)
            benchmark.stopMeasurement()
            guard collector.isFull, let ended else { fatalError("a present key was not found") }
            benchmark.measurement(hops, ended.hops)
            mostHops = max(mostHops, ended.hops)
            if times.count == lookupCount { judge(times, mostHops) }
        }
    }

    /// The tool takes a benchmark's error for a warning alone; a process that fails it does not.
    private static func judge(_ times: [Duration], _ mostHops: Int) {
        let p99 = times.sorted()[times.count * 99 / 100]
        let isKept = p99 <= promisedTime && mostHops <= promisedHops
        print(
            """
            99 of 100 within \(p99.formatted(milliseconds)), promised \(promisedTime.formatted(milliseconds)); \
            hops: \(mostHops) at most, promised \(promisedHops): \(isKept ? "kept" : "NOT KEPT")
            """)
        guard isKept else { exit(EXIT_FAILURE) }
    }

    private static let milliseconds = Duration.UnitsFormatStyle.units(
        allowed: [.milliseconds], fractionalPart: .show(length: 2))
}

/// A cluster that runs from set-up to tear-down. Its clock stands still in between, so that nothing but look-ups happens.
private final class RunningCluster: @unchecked Sendable {
    // `@unchecked`: written by set-up and tear-down alone, between which the benchmark reads.
    private var cluster: Cluster?
    private var running: Task<Void, any Error>?
    private let nodeCount: Int
    private let keysPerNode: Int

    init(nodeCount: Int, keysPerNode: Int) {
        self.nodeCount = nodeCount
        self.keysPerNode = keysPerNode
    }

    struct NotRunning: Error {}

    func start() async throws {
        let cluster = try Cluster(nodeCount)
        self.cluster = cluster
        // A task of its own: set-up has to return while the nodes run.
        running = Task { try await cluster.run { _ in try await Task.sleep(for: .seconds(3600)) } }
        try await cluster.until("all are ready") { cluster.routers.allSatisfy(\.isReady) }
        for (number, router) in cluster.routers.enumerated() {
            router.advertise(Set(try (0..<keysPerNode).map { try Self.key(node: number, $0) }))
        }
        // Twenty nodes have a record of each.
        try await cluster.until("every key is told") {
            cluster.routers.reduce(0) { $0 + $1.status.recordCount } >= nodeCount * keysPerNode * 20
        }
    }

    func stop() async {
        running?.cancel()
        _ = await running?.result
        (cluster, running) = (nil, nil)
    }

    /// A node and a key at random, of which the node neither has a record nor the content.
    func question(by chance: inout Chance) throws -> (KademliaRouter, ContentKey) {
        guard let cluster else { throw NotRunning() }
        while true {
            let owner = Int.random(in: 0..<nodeCount, using: &chance)
            let asking = Int.random(in: 0..<nodeCount, using: &chance)
            let key = ContentKey(try Self.key(node: owner, .random(in: 0..<keysPerNode, using: &chance)))
            let router = cluster.routers[asking]
            let isKnown = router.state.withLock {
                !$0.providers.providers(at: key.point, now: cluster.clock.now()).isEmpty
            }
            if asking != owner, !isKnown { return (router, key) }
        }
    }

    private static func key(node: Int, _ number: Int) throws -> RoutingKey {
        try Cluster.key("image-\(node)-\(number):1")
    }
}
