import InProcessPeers
import LibP2P
import PeerRouting
import Synchronization
import Testing

@testable import KademliaRouting

@Suite(.serialized, .timeLimit(.minutes(2)))
struct ClusterTests {
    @Test func `a node alone is not ready, and finds nobody`() async throws {
        try await Cluster(1).run { cluster in
            #expect(!cluster.routers[0].isReady)
            await #expect(throws: PeerRoutingError.noPeers) {
                _ = try await cluster.find("a:1", from: cluster.routers[0])
            }
        }
    }

    /// Each looks itself up before the one that all of them ask has taken in any other.
    @Test func `nodes that start at once and miss each other find together within seconds`() async throws {
        let cluster = try Cluster(5)
        let first = try #require(cluster.routers[0].network as? InProcessNetwork)
        first.holdAppearances()
        try await cluster.run { cluster in
            try await cluster.until("the others are ready", step: .zero) {
                cluster.routers.dropFirst().allSatisfy(\.isReady)
            }
            for router in cluster.routers.dropFirst() {
                #expect(router.status.peers.map(\.peer) == [first.own], "nobody knows of another yet")
            }
            first.releaseAppearances()
            let deadline = cluster.clock.now() + .seconds(10)
            try await cluster.until("all know each other") {
                cluster.routers.allSatisfy { $0.status.peers.count == 4 }
            }
            #expect(cluster.clock.now() <= deadline)
        }
    }

    @Test func `a network that was cut is whole again minutes after it is healed, without its bootstrap`() async throws
    {
        try await Cluster(6).run { cluster in
            try await cluster.until("all know each other") {
                cluster.routers.allSatisfy { $0.status.peers.count == 5 }
            }
            let sides = [cluster.routers[..<3], cluster.routers[3...]].map { Set($0.map(\.network.own)) }
            cluster.swarm.cut(sides[0])
            for router in cluster.routers { await router.refresh() }
            try await cluster.until("each side is alone", step: .seconds(5)) {
                cluster.routers.allSatisfy { $0.status.peers.count == 2 }
            }
            cluster.swarm.cut([])
            let deadline = cluster.clock.now() + .seconds(180)
            try await cluster.until("all know each other again", step: .seconds(5)) {
                cluster.routers.allSatisfy { $0.status.peers.count == 5 }
            }
            #expect(cluster.clock.now() <= deadline)
        }
    }

    @Test func `what one of many has is found from every other, until it is withdrawn and 19 minutes old`()
        async throws
    {
        try await Cluster(24).run { cluster in
            try await cluster.until("all are ready") { cluster.routers.allSatisfy(\.isReady) }
            cluster.routers[7].advertise([try Cluster.key("a:1")])
            try await cluster.until("the record is out") {
                try await cluster.find("a:1", from: cluster.routers[20]) == ["10.0.0.7"]
            }
            for router in cluster.routers where router.network.own != cluster.routers[7].network.own {
                #expect(try await cluster.find("a:1", from: router) == ["10.0.0.7"])
            }
            #expect(try await cluster.find("a:1", from: cluster.routers[7]).isEmpty, "itself it does not find")

            // It is renewed while it is there.
            let later = cluster.clock.now() + .seconds(40 * 60)
            try await cluster.until("40 minutes", step: .seconds(60)) { cluster.clock.now() >= later }
            #expect(try await cluster.find("a:1", from: cluster.routers[3]) == ["10.0.0.7"])

            cluster.routers[7].withdraw([try Cluster.key("a:1")])
            let gone = cluster.clock.now() + .seconds(19 * 60)
            try await cluster.until("19 minutes", step: .seconds(60)) { cluster.clock.now() >= gone }
            #expect(try await cluster.find("a:1", from: cluster.routers[3]).isEmpty)
        }
    }

    @Test func `in a hundred nodes a key is found within three hops, and quickly`() async throws {
        try await Cluster(100).run { cluster in
            try await cluster.until("all are ready") { cluster.routers.allSatisfy(\.isReady) }
            for (number, router) in cluster.routers.enumerated() {
                router.advertise([try Cluster.key("image-\(number):1")])
            }
            try await cluster.until("everything is out") {
                cluster.routers.reduce(0) { $0 + $1.status.recordCount } >= 100 * 20
            }
            var times: [Duration] = []
            var hops = 0
            for number in 0..<200 {
                let router = cluster.routers[(number * 37 + 11) % 100]
                let wanted = (number * 13) % 100
                guard wanted != (number * 37 + 11) % 100 else { continue }
                let key = ContentKey(try Cluster.key("image-\(wanted):1"))
                let collector = ProviderCollector(own: router.network.own, limit: 1)
                let found = Mutex<[String]>([])
                let start = ContinuousClock.now
                let ended = try await router.lookUp(key, collector) { peer in
                    found.withLock { $0 += peer.addresses }
                }
                times.append(ContinuousClock.now - start)
                #expect(found.withLock { $0 } == ["10.0.0.\(wanted)"])
                hops = max(hops, ended?.hops ?? 0)
            }
            times.sort()
            let p99 = times[times.count * 99 / 100]
            #expect(hops <= 3)
            // What is promised of 99 in a hundred, of half of them: this is a debug build, on a machine that does ten other
            // things. The promise itself is measured in a release build (Benchmarks/Micro/Lookups.swift).
            #expect(times[times.count / 2] <= .milliseconds(20), "median \(times[times.count / 2])")
            #expect(p99 <= .milliseconds(200), "p99 \(p99)")
        }
    }

    @Test func `of a popular key as many are found as were asked for, and no more`() async throws {
        try await Cluster(25).run { cluster in
            try await cluster.until("all are ready") { cluster.routers.allSatisfy(\.isReady) }
            for router in cluster.routers.prefix(10) { router.advertise([try Cluster.key("a:1")]) }
            try await cluster.until("the records are out") {
                try await cluster.find("a:1", from: cluster.routers[20], limit: 100).count == 10
            }
            #expect(try await cluster.find("a:1", from: cluster.routers[20], limit: 3).count == 3)
        }
    }

    @Test func `nodes that go are forgotten, and nodes that are cut off come back`() async throws {
        try await Cluster(24).run { cluster in
            try await cluster.until("all are ready") { cluster.routers.allSatisfy(\.isReady) }
            cluster.routers[7].advertise([try Cluster.key("a:1")])
            try await cluster.until("the record is out") {
                try await cluster.find("a:1", from: cluster.routers[20]) == ["10.0.0.7"]
            }
            // A third of them is gone.
            let gone = cluster.routers[10..<20].map(\.network.own)
            for peer in gone { cluster.swarm.setDown(peer, true) }
            #expect(try await cluster.find("a:1", from: cluster.routers[22]) == ["10.0.0.7"])
            let cut = cluster.routers[15]
            await cut.refresh()
            #expect(!cut.isReady)
            await cluster.routers[22].refresh()
            let known = Set(cluster.routers[22].status.peers.map(\.peer))
            #expect(known.isDisjoint(with: gone))

            for peer in gone { cluster.swarm.setDown(peer, false) }
            try await cluster.until("it is back") { cut.isReady }
            #expect(try await cluster.find("a:1", from: cut) == ["10.0.0.7"])
        }
    }
}
