import InProcessPeers
import LibP2P
import NIOCore
import Synchronization
import Testing

@testable import KademliaRouting

/// How long the longest answers are: Go closes the stream on more than its `network.MessageSizeMax`, 4 MiB.
@Suite(.timeLimit(.minutes(1)))
struct AnswerSizeTests {
    private static let goLimitBytes = 4 << 20
    /// As long as any key is.
    private static let key = [UInt8](repeating: 9, count: KademliaMessage.keyLimitBytes)

    /// A peer with the longest ID there is, and more of the longest addresses than are kept.
    private static func largest(_ number: Int) throws -> PeerRecord {
        let tail = (0..<4).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) }
        let id = [0x00, UInt8(PeerID.lengthMax - 2)] + [UInt8](repeating: 1, count: PeerID.lengthMax - 6) + tail
        let addresses = try (0..<12).map {
            try Multiaddr("/ip6/2001:db8:ffff:ffff:ffff:ffff:ffff:ffff/tcp/\(65000 + $0)")
        }
        return PeerRecord(peer: try PeerID(bytes: id), addresses: addresses)
    }

    /// A node with as many records of one key, and as many peers, as it takes.
    private static func fill(_ state: inout KademliaState) throws {
        for number in 0..<300 {
            let record = try largest(number)
            let told = KademliaMessage(.addProvider, key: key, providerPeers: [record])
            // By way of its bytes, which is where the bounds on what is kept are.
            _ = state.reply(
                to: try KademliaMessage(told.bytes), from: record.peer, ownAddresses: [], now: .zero,
                addresses: { _ in [] })
            let known = try largest(1_000_000 + number)
            _ = state.note(
                known.at(Array(known.addresses.prefix(KademliaMessage.addressCountMax))), answeredAfter: .zero,
                now: .zero)
        }
        #expect(state.providers.recordCount == 256)
    }

    @Test(arguments: [KademliaMessage.Kind.getProviders, .findNode, .ping])
    func `the longest answer is a small part of what Go reads`(_ kind: KademliaMessage.Kind) throws {
        var state = KademliaState(own: try Samples.peer(0))
        try Self.fill(&state)
        let own = try Self.largest(2_000_000).addresses
        let reply = state.reply(
            to: KademliaMessage(kind, key: Self.key), from: try Samples.peer(1), ownAddresses: own, now: .zero,
            addresses: { _ in own })
        guard case .message(let answer) = reply else { return #expect(Bool(false), "\(reply)") }
        let bytes = answer.bytes
        #expect(bytes.count <= Self.goLimitBytes / 16, "\(bytes.count)")
        let read = try KademliaMessage(bytes)
        #expect(read.kind == kind)
        guard kind == .getProviders else { return }
        #expect(read.providerPeers.count == 256 && read.closerPeers.count == 20)
        #expect(read.providerPeers.allSatisfy { $0.addresses.count == KademliaMessage.addressCountMax })
    }

    /// Whatever the bounds of tables and addresses may become.
    @Test func `no message is longer than Go reads: peers that are too many are left out`() throws {
        let long = try Multiaddr("/dns4/\(String(repeating: "x", count: 253))/tcp/1/p2p-circuit")
        let record = PeerRecord(peer: try Samples.peer(1), addresses: [Multiaddr](repeating: long, count: 100))
        let crowd = [PeerRecord](repeating: record, count: 5000)
        for (closer, providers) in [(crowd, []), ([], crowd), (crowd, crowd)] as [([PeerRecord], [PeerRecord])] {
            let message = KademliaMessage(.getProviders, key: Self.key, closerPeers: closer, providerPeers: providers)
            let bytes = message.bytes
            #expect(bytes.count <= Self.goLimitBytes && bytes.count > Self.goLimitBytes * 9 / 10)
            let read = try KademliaMessage(bytes)
            #expect(read.kind == .getProviders && read.key == Self.key)
        }
    }

    @Test func `all providers of the longest answer reach a peer over a real connection`() async throws {
        let (ours, peer) = (try FaultTests.host(), try FaultTests.host())
        let router = FaultTests.router(ours)
        try router.state.withLock { try Self.fill(&$0) }
        try await FaultTests.with(hosts: [ours, peer], routers: [router]) {
            let stream = try await peer.openStream(
                to: ours.peerID, at: ours.advertisedAddresses, protocolID: KademliaMessage.protocolID)
            defer { stream.release() }
            var messages = MessageStream(stream, limitBytes: Self.goLimitBytes)
            try await messages.send(KademliaMessage(.getProviders, key: Self.key).bytes)
            let answer = try #require(try await messages.next())
            #expect(try KademliaMessage(answer).providerPeers.count == 256)
        }
    }
}
