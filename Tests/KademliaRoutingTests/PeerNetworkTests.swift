import InProcessPeers
import LibP2P
import Logging
import PeerRouting
import Testing

@testable import KademliaRouting

/// The service as a program runs it: on real sockets.
@Suite(.serialized, .timeLimit(.minutes(1)))
struct PeerNetworkTests {
    static let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    static func configuration() throws -> PeerNetworkConfiguration {
        var configuration = PeerNetworkConfiguration()
        configuration.host.listen = [try Multiaddr("/ip4/127.0.0.1/tcp/0")]
        configuration.host.advertisesLoopback = true
        return configuration
    }

    @Test func `two services find each other's keys as a stream, and tell their state`() async throws {
        let first = PeerNetwork(try Identity(), try Self.configuration(), logger: Self.logger)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await first.run() }
            defer { group.cancelAll() }
            var configuration = try Self.configuration()
            let address = try await first.boundAddresses()
            configuration.bootstrap = [StaticBootstrap(address)]
            let second = PeerNetwork(try Identity(), configuration, logger: Self.logger)
            group.addTask { try await second.run() }
            first.advertise([try Cluster.key("a:1")])
            try await HostNetworkTests.until { first.isReady && second.isReady }
            var found: [ContentPeer] = []
            for try await peer in second.peers(with: try Cluster.key("a:1"), limit: 3, within: .seconds(10)) {
                found.append(peer)
            }
            #expect(found == [ContentPeer(identifier: "\(first.peerID)", addresses: ["127.0.0.1"])])
            try await HostNetworkTests.until {
                second.status.peers.first?.roundTrip != nil && first.status.untoldKeys == 0
            }
            let status = second.status
            #expect(status.identity == second.peerID && status.isReady && !status.isPrivateNetwork)
            #expect(status.listenAddresses == status.advertisedAddresses && status.listenAddresses.count == 1)
            #expect(status.peers.count == 1 && status.tableCount == 1 && status.connectedCount == 1)
            let peer = try #require(status.peers.first)
            #expect(peer.peer == first.peerID && peer.addresses == address && peer.agentVersion == "weir")
            #expect(peer.answerTime != nil && peer.answeredAgo != nil)
            #expect(first.status.advertisedKeys == 1 && status.recordCount == 1)
        }
    }

    /// What is configured, and what is said of it.
    @Test(arguments: [
        ("dead", "/ip4/127.0.0.1/tcp/1: "), ("name", "nope.invalid names nobody"),
        ("failing", "weir-peers: no address"),
        ("none", "none is configured"),
    ])
    func `a bootstrap that finds nobody is told, and forgotten when somebody is known`(
        _ kind: String, _ expected: String
    ) async throws {
        var configuration = try Self.configuration()
        switch kind {
        case "dead": configuration.bootstrap = [StaticBootstrap([try Multiaddr("/ip4/127.0.0.1/tcp/1")])]
        case "name":
            configuration.bootstrap = [
                DNSBootstrap(name: "nope.invalid", port: 1) { _, _ in [] }
            ]
        case "failing":
            configuration.bootstrap = [
                DNSBootstrap(name: "weir-peers", port: 1) { _, _ in throw ConnectionError.noAddress }
            ]
        default: break
        }
        let first = PeerNetwork(try Identity(), configuration, logger: Self.logger)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await first.run() }
            defer { group.cancelAll() }
            try await HostNetworkTests.until { first.bootstrapTrouble?.contains(expected) == true }
            var other = try Self.configuration()
            other.bootstrap = [StaticBootstrap(try await first.boundAddresses())]
            let second = PeerNetwork(try Identity(), other, logger: Self.logger)
            group.addTask { try await second.run() }
            try await HostNetworkTests.until { first.isReady && second.isReady }
            #expect(first.bootstrapTrouble == nil && second.bootstrapTrouble == nil)
        }
    }

    @Test func `each reason is said once until somebody is known`() {
        var news = BootstrapNews()
        let messages = [
            news.note(["b", "a", "b"], isAlone: true), news.note(["a", "b"], isAlone: true),
            news.note([], isAlone: true), news.note(nil, isAlone: true), news.note(["a", "b"], isAlone: true),
            news.note(nil, isAlone: false), news.note(["c"], isAlone: false), news.note(["a", "b"], isAlone: true),
        ]
        #expect(
            messages == [
                .trouble("a; b"), nil, .trouble(BootstrapNews.nobodyNamed), nil, nil, .recovered, nil,
                .trouble("a; b"),
            ])
        for number in 0..<100 { _ = news.note(["\(number)"], isAlone: true) }
        let more = news.note(["something else"], isAlone: true)
        #expect(more == nil, "the log does not grow with each attempt")
        #expect(news.trouble == "something else")
    }

    @Test func `a service that cannot listen says so`() async throws {
        var configuration = try Self.configuration()
        configuration.host.listen = [try Multiaddr("/ip4/192.0.2.1/tcp/1")]
        let network = PeerNetwork(try Identity(), configuration, logger: Self.logger)
        let expected = HostError.cannotListen(
            address: "/ip4/192.0.2.1/tcp/1", reason: "this machine has no such address; change 'node.peers.listen'")
        await #expect(throws: expected) { try await network.run() }
    }

    @Test func `a stream of peers ends with its time, and takes the look-up along when it is left`() async throws {
        let router = EndlessRouter()
        let key = try Cluster.key("a:1")
        var count = 0
        for try await _ in router.peers(with: key, limit: 3, within: .milliseconds(20)) { count += 1 }
        #expect(count == 1)
        for try await _ in router.peers(with: key, limit: 3, within: .seconds(3600)) { break }
        try await HostNetworkTests.until { router.ended.value == 2 }
    }
}

/// Finds one peer, and looks for another for ever.
private struct EndlessRouter: PeerRouting {
    let ended = Counter()
    var isReady: Bool { true }

    func lookUp(_ key: RoutingKey, limit: Int, found: @escaping @Sendable (ContentPeer) -> Void) async throws {
        found(ContentPeer(identifier: "a", addresses: ["10.0.0.1"]))
        defer { ended.increment() }
        try await Task.sleep(for: .seconds(3600))
    }

    func advertise(_ keys: Set<RoutingKey>) {}
    func withdraw(_ keys: Set<RoutingKey>) {}
}
