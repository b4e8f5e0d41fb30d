import InProcessPeers
import LibP2P
import NIOCore
import PeerRouting
import ProtobufCoding
import Synchronization
import Testing

@testable import KademliaRouting

/// Peers that answer the routing's requests with what is no answer, over real connections.
@Suite(.serialized, .timeLimit(.minutes(1)))
struct HostileAnswerTests {
    enum Answer: CaseIterable {
        case nothing, anotherKind, unknownKind, garbage, endlessLength, impossibleLength, cutShort, aKeyTooLong

        var bytes: [UInt8] {
            switch self {
            case .nothing: []
            case .anotherKind: Self.frame(KademliaMessage(.getProviders).bytes)
            case .unknownKind: Self.frame([0x08, 0x06])
            case .garbage: Self.frame([0xFF, 0xFF, 0xFF])
            case .endlessLength: [UInt8](repeating: 0xFF, count: 20)
            case .impossibleLength: Varint.encode(KademliaMessage.answerLimitBytes + 1)
            case .cutShort: Self.frame(KademliaMessage(.findNode, key: [1, 2, 3]).bytes).dropLast(2)
            case .aKeyTooLong: Self.frame([0x08, 0x04, 0x12, 81] + [UInt8](repeating: 1, count: 81))
            }
        }

        private static func frame(_ message: [UInt8]) -> [UInt8] {
            Array(LengthPrefixedDecoder.frame(message).readableBytesView)
        }
    }

    @Test(arguments: Answer.allCases)
    func `who answers nonsense is nobody's peer, and keeps nobody from finding`(_ answer: Answer) async throws {
        let (ours, hostile, honest) = (try FaultTests.host(), try FaultTests.host(), try FaultTests.host())
        hostile.handle(KademliaMessage.protocolID) { stream in
            _ = try await stream.read()
            try await stream.write(ByteBuffer(bytes: answer.bytes))
        }
        // What is nonsense shows at once; the honest one has the time that a busy machine takes.
        let router = FaultTests.router(ours) { configuration in
            configuration.requestTimeout = .seconds(20)
            configuration.lookupPatience = .seconds(20)
        }
        let other = FaultTests.router(honest)
        try await FaultTests.with(hosts: [ours, hostile, honest], routers: [router, other]) {
            let bad = FaultTests.record(hostile)
            await #expect(throws: (any Error).self) {
                try await HostNetwork(ours).request(KademliaMessage(.findNode, key: [1]), to: bad)
            }
            await router.admit(bad)
            #expect(router.status.peers.isEmpty)

            await router.admit(FaultTests.record(honest))
            #expect(router.status.peers.map(\.peer) == [honest.peerID])
            other.advertise([try Cluster.key("a:1")])
            // Even if it were in the table.
            router.state.withLock { _ = $0.table.add(bad, now: .zero) }
            let found = try await HostNetworkTests.find("a:1", from: router)
            #expect(found.map(\.identifier) == ["\(honest.peerID)"])
            try await HostNetworkTests.until { router.status.peers.map(\.peer) == [honest.peerID] }
        }
    }

    /// A whole answer ends with its length, whatever the peer says after it.
    @Test func `an answer of the longest allowed length is read, and one byte more is not`() async throws {
        let (ours, large) = (try FaultTests.host(), try FaultTests.host())
        let excess = Counter()
        large.handle(KademliaMessage.protocolID) { stream in
            _ = try await stream.read()
            // The unknown field makes up the length.
            var message = ProtobufWriter()
            message.varint(4, field: 1)
            let count = KademliaMessage.answerLimitBytes - 2 - 2 - 4 + excess.value
            message.bytes([UInt8](repeating: 0, count: count), field: 100)
            try await stream.write(LengthPrefixedDecoder.frame(message.bytes))
        }
        try await FaultTests.with(hosts: [ours, large], routers: []) {
            let request = KademliaMessage(.findNode, key: [1])
            let answer = try await HostNetwork(ours).request(request, to: FaultTests.record(large))
            #expect(answer == KademliaMessage(.findNode))
            excess.increment()
            await #expect(throws: FramingError.tooLong(limitBytes: KademliaMessage.answerLimitBytes)) {
                try await HostNetwork(ours).request(request, to: FaultTests.record(large))
            }
        }
    }
}
