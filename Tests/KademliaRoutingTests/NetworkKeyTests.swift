import InProcessPeers
import LibP2P
import Logging
import PeerRouting
import Synchronization
import Testing

@testable import KademliaRouting

/// Nodes whose network keys differ, as programs run them: on real sockets.
@Suite(.serialized, .timeLimit(.minutes(1)))
struct NetworkKeyTests {
    /// Whom to ask first: known only when all listen.
    private final class LateBootstrap: BootstrapSource {
        private let list = Mutex<[Multiaddr]>([])
        let asked = Counter()

        var name: String { "the test" }

        func set(_ addresses: [Multiaddr]) { list.withLock { $0 = addresses } }

        func addresses() async throws -> [Multiaddr] {
            let addresses = list.withLock { $0 }
            if !addresses.isEmpty { asked.increment() }
            return addresses
        }
    }

    private final class Node: Sendable {
        let network: PeerNetwork
        let bootstrap = LateBootstrap()
        private let met = Mutex<Set<PeerID>>([])

        init(key: UInt8?) throws {
            var configuration = try PeerNetworkTests.configuration()
            configuration.host.privateNetwork = try key.map { try PrivateNetworkKey([UInt8](repeating: $0, count: 32)) }
            // More at once are refused: a place that is not given back keeps everybody out.
            configuration.host.handshakeLimit = 4
            configuration.routing.bootstrapBackoffMax = .milliseconds(100)
            configuration.bootstrap = [bootstrap]
            network = PeerNetwork(try Identity(), configuration, logger: PeerNetworkTests.logger)
            network.host.observe { [weak self] event in
                switch event {
                case .identified(let peer): self?.meet(peer.peer)
                case .disconnected(let peer): self?.meet(peer)
                }
            }
        }

        private func meet(_ peer: PeerID) { met.withLock { _ = $0.insert(peer) } }

        /// Everybody whom it was connected to, at whatever time.
        var acquaintances: Set<PeerID> { met.withLock { $0 }.union(network.host.connectedPeers) }
    }

    private static func with(_ nodes: [Node], _ body: @Sendable () async throws -> Void) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for node in nodes { group.addTask { try await node.network.run() } }
            defer { group.cancelAll() }
            for node in nodes { _ = try await node.network.boundAddresses() }
            try await body()
        }
    }

    private static func address(_ node: Node) async throws -> [Multiaddr] { try await node.network.boundAddresses() }

    /// Each asks the other, again and again.
    @Test(arguments: [(1, 2), (1, nil)] as [(UInt8, UInt8?)])
    func `nodes of two networks never connect, say why, and leave each network's own alone`(
        ours: UInt8, theirs: UInt8?
    ) async throws {
        let (first, second) = (try Node(key: ours), try Node(key: ours))
        let (foreign, lost) = (try Node(key: theirs), try Node(key: theirs))
        try await Self.with([first, second, foreign, lost]) {
            // Who is alone asks all the time.
            first.bootstrap.set(try await Self.address(foreign))
            foreign.bootstrap.set(try await Self.address(first))
            lost.bootstrap.set(try await Self.address(first))
            let strangers = [first, foreign, lost]
            try await HostNetworkTests.until { strangers.allSatisfy { $0.bootstrap.asked.value >= 8 } }
            for node in strangers {
                let trouble = try #require(node.network.bootstrapTrouble)
                #expect(trouble.contains("network key"), "\(trouble)")
                #expect(!node.network.isReady && node.network.host.connectionCount == 0)
            }

            // Whoever belongs here comes in meanwhile, and finds what is here.
            second.bootstrap.set(try await Self.address(first))
            try await HostNetworkTests.until { first.network.isReady && second.network.isReady }
            first.network.advertise([try Cluster.key("a:1")])
            try await HostNetworkTests.until { first.network.status.untoldKeys == 0 }
            let before = foreign.bootstrap.asked.value
            try await HostNetworkTests.until { foreign.bootstrap.asked.value >= before + 5 }
            let found = try await HostNetworkTests.find("a:1", from: second.network.router)
            #expect(found.map(\.identifier) == ["\(first.network.peerID)"])
            #expect(first.network.bootstrapTrouble == nil)

            #expect(first.acquaintances == [second.network.peerID])
            #expect(second.acquaintances == [first.network.peerID])
            #expect(foreign.acquaintances.isEmpty && lost.acquaintances.isEmpty)
        }
    }

    /// As a user reads it: which setting to look at.
    @Test(arguments: [(nil, 2, false), (1, nil, true), (1, 2, true)] as [(UInt8?, UInt8?, Bool)])
    func `a dialler hears at once that it is in another network, and which setting to look at`(
        ours: UInt8?, theirs: UInt8?, isPrivate: Bool
    ) async throws {
        let (dialler, other) = (try Node(key: ours), try Node(key: theirs))
        try await Self.with([dialler, other]) {
            let addresses = try await Self.address(other)
            let expected = ConnectionError.closedUnheard(isPrivate: isPrivate)
            await #expect(throws: expected) { try await dialler.network.host.connect(toAnyoneAt: addresses) }
            await #expect(throws: expected) {
                try await dialler.network.host.connect(to: other.network.peerID, at: addresses)
            }
            #expect("\(expected)".contains("'node.peers.networkKey'"))
        }
    }
}
