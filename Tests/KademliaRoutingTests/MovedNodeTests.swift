import InProcessPeers
import LibP2P
import Logging
import PeerRouting
import Synchronization
import Testing

@testable import KademliaRouting

/// A node whose address changes while it runs, on real sockets.
@Suite(.serialized, .timeLimit(.minutes(1)))
struct MovedNodeTests {
    /// Listens at two addresses, and tells the one that is chosen.
    private final class Machine: Sendable {
        private let place = Mutex(0)

        func move() { place.withLock { $0 += 1 } }

        func network(bootstrap: [Multiaddr] = [], earlyRefresh: Duration = .seconds(1)) throws -> PeerNetwork {
            var configuration = try PeerNetworkTests.configuration()
            configuration.host.listen = [try Multiaddr("/ip4/127.0.0.1/tcp/0"), try Multiaddr("/ip4/127.0.0.2/tcp/0")]
            configuration.host.ownAddresses = { [self] bound, _ in [bound[place.withLock { $0 } % bound.count]] }
            configuration.addressInterval = .milliseconds(10)
            configuration.routing.earlyRefreshInterval = earlyRefresh
            configuration.bootstrap = bootstrap.isEmpty ? [] : [StaticBootstrap(bootstrap)]
            return PeerNetwork(try Identity(), configuration, logger: PeerNetworkTests.logger)
        }
    }

    private static func known(_ peer: PeerNetwork, to other: PeerNetwork) -> PeerNetworkStatus.Peer? {
        other.status.peers.first { $0.peer == peer.peerID && $0.isInTable }
    }

    @Test func `peers hear of a new address at once, keep the node, and pass the address on`() async throws {
        let machine = Machine()
        let moving = try machine.network()
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await moving.run() }
            defer { group.cancelAll() }
            let bound = try await moving.boundAddresses()
            let others = [try Machine().network(bootstrap: bound), try Machine().network(bootstrap: bound)]
            for other in others { group.addTask { try await other.run() } }
            try await HostNetworkTests.until {
                ([moving] + others).allSatisfy { $0.isReady && $0.status.tableCount == 2 }
            }
            moving.advertise([try Cluster.key("a:1")])
            try await HostNetworkTests.until { others.allSatisfy { $0.status.recordCount == 1 } }
            for other in others { #expect(Self.known(moving, to: other)?.addresses == [bound[0]]) }
            let lost = Mutex<Set<PeerID>>([])
            for host in ([moving] + others).map(\.host) {
                host.observe { event in
                    if case .disconnected(let peer) = event { lost.withLock { _ = $0.insert(peer) } }
                }
            }

            machine.move()
            try await HostNetworkTests.until {
                others.allSatisfy { Self.known(moving, to: $0)?.addresses == [bound[1]] }
            }
            #expect(moving.status.advertisedAddresses == [bound[1]])
            #expect(moving.status.listenAddresses == bound)
            for (asked, asking) in [(others[0], others[1]), (others[1], others[0])] {
                // Records that were told before lead to the new place, and so does what is said of who is near.
                let found = try await HostNetworkTests.find("a:1", from: asking.router)
                #expect(found == [ContentPeer(identifier: "\(moving.peerID)", addresses: ["127.0.0.2"])])
                let answer = asked.router.reply(
                    to: KademliaMessage(.findNode, key: moving.peerID.bytes), from: asking.peerID)
                guard case .message(let message) = answer else { return #expect(Bool(false), "\(answer)") }
                #expect(message.closerPeers.first == PeerRecord(peer: moving.peerID, addresses: [bound[1]]))
            }
            #expect(lost.withLock { $0 }.isEmpty, "nobody had to connect anew")
        }
    }

    @Test func `who has a record and no connection is told of the new address as well`() async throws {
        let machine = Machine()
        let moving = try machine.network(earlyRefresh: .seconds(3600))
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await moving.run() }
            defer { group.cancelAll() }
            let bound = try await moving.boundAddresses()
            let other = try Machine().network(bootstrap: bound, earlyRefresh: .seconds(3600))
            group.addTask { try await other.run() }
            moving.advertise([try Cluster.key("a:1")])
            try await HostNetworkTests.until { other.isReady && moving.isReady && other.status.recordCount == 1 }
            try await HostNetworkTests.until { moving.status.untoldKeys == 0 }
            other.host.disconnect(moving.peerID)
            try await HostNetworkTests.until {
                other.host.connectionCount == 0 && moving.host.connectionCount == 0
            }
            machine.move()
            // Not by looking up: that would have the other one connect by itself.
            let point = ContentKey(try Cluster.key("a:1")).point
            try await HostNetworkTests.until {
                let records = other.router.state.withLock { $0.providers.providers(at: point, now: .zero) }
                return records.map(\.addresses) == [[bound[1]]]
            }
        }
    }
}
