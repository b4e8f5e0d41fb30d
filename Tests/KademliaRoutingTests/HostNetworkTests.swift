import InProcessPeers
import LibP2P
import Logging
import NIOCore
import PeerRouting
import ProtobufCoding
import Synchronization
import Testing

@testable import KademliaRouting

/// Routers over real connections on loopback.
@Suite(.serialized, .timeLimit(.minutes(1)))
struct HostNetworkTests {
    struct Node: Sendable {
        let host: Host
        let router: KademliaRouter
    }

    static func node(bootstrap: [Multiaddr], network: PrivateNetworkKey?) throws -> Node {
        var configuration = HostConfiguration()
        configuration.listen = [try Multiaddr("/ip4/127.0.0.1/tcp/0")]
        configuration.advertisesLoopback = true
        configuration.privateNetwork = network
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let host = Host(identity: try Identity(), configuration: configuration, logger: logger)
        let router = KademliaRouter(
            network: HostNetwork(host), bootstrap: bootstrap.isEmpty ? [] : [StaticBootstrap(bootstrap)],
            logger: logger)
        return Node(host: host, router: router)
    }

    static func find(_ text: String, from router: KademliaRouter) async throws -> [ContentPeer] {
        let found = Mutex<[ContentPeer]>([])
        try await router.lookUp(try Cluster.key(text), limit: 3) { peer in found.withLock { $0.append(peer) } }
        return found.withLock { $0 }
    }

    static func until(_ condition: () async throws -> Bool) async throws {
        while try await !condition() {
            try Task.checkCancellation()
            try await Task.sleep(for: .milliseconds(10))
        }
    }

    @Test(arguments: [false, true])
    func `nodes on loopback join, provide and find, in a private network as well`(isPrivate: Bool) async throws {
        let key = try isPrivate ? PrivateNetworkKey([UInt8](repeating: 3, count: 32)) : nil
        let first = try Self.node(bootstrap: [], network: key)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await first.host.run() }
            group.addTask { await first.router.run() }
            defer { group.cancelAll() }
            let addresses = try await first.host.boundAddresses()
            let others = try (0..<4).map { _ in try Self.node(bootstrap: addresses, network: key) }
            for node in others {
                group.addTask { try await node.host.run() }
                group.addTask { await node.router.run() }
                _ = try await node.host.boundAddresses()
            }
            let all = [first] + others
            try await Self.until { all.allSatisfy { $0.router.isReady && $0.router.status.peers.count == 4 } }
            others[2].router.advertise([try Cluster.key("a:1")])
            try await Self.until { try await !Self.find("a:1", from: others[0].router).isEmpty }
            for node in all where node.host.peerID != others[2].host.peerID {
                let found = try await Self.find("a:1", from: node.router)
                #expect(found == [ContentPeer(identifier: "\(others[2].host.peerID)", addresses: ["127.0.0.1"])])
            }
        }
    }

    @Test func `a peer that asks what nobody should, or claims another's content, loses its stream`() async throws {
        let node = try Self.node(bootstrap: [], network: nil)
        let stranger = try Self.node(bootstrap: [], network: nil)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for each in [node, stranger] {
                group.addTask { try await each.host.run() }
                group.addTask { await each.router.run() }
            }
            defer { group.cancelAll() }
            let addresses = try await node.host.boundAddresses()
            _ = try await stranger.host.boundAddresses()
            let lie = KademliaMessage(
                .addProvider, key: ContentKey(text: "x").multihash, providerPeers: [try Samples.record(1)])
            let longKey = KademliaMessage(.getProviders, key: [UInt8](repeating: 1, count: 81))
            for bytes in [
                LengthPrefixedDecoder.frame(lie.bytes),
                LengthPrefixedDecoder.frame(KademliaMessage(.getValue, key: [1]).bytes),
                LengthPrefixedDecoder.frame(KademliaMessage(.putValue, key: [1]).bytes),
                LengthPrefixedDecoder.frame(KademliaMessage(.findNode).bytes),
                LengthPrefixedDecoder.frame(longKey.bytes), LengthPrefixedDecoder.frame([]),
                // A kind that nobody knows, and a message that its stream ends in.
                LengthPrefixedDecoder.frame([0x08, 0x06]), ByteBuffer(bytes: [10, 8, 4]),
                LengthPrefixedDecoder.frame([0xFF]), ByteBuffer(bytes: Varint.encode(UInt64(1 << 20))),
                ByteBuffer(bytes: [UInt8](repeating: 0xFF, count: 11)),
            ] {
                let stream = try await stranger.host.openStream(
                    to: node.host.peerID, at: addresses, protocolID: KademliaMessage.protocolID)
                try await stream.write(bytes)
                stream.closeWrite()
                await #expect(throws: StreamError.reset(code: 0), "\(bytes.readableBytesView)") {
                    _ = try await stream.read()
                }
            }
            // The connection is as good as before.
            let record = PeerRecord(peer: node.host.peerID, addresses: addresses)
            let answer = try await HostNetwork(stranger.host).request(KademliaMessage(.ping), to: record)
            #expect(answer == KademliaMessage(.ping) && node.host.connectionCount == 1)
            #expect(node.router.status.recordCount == 0)
        }
    }
}
