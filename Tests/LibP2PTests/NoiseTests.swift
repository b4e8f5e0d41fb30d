import Crypto
import LibP2P
import NIOCore
import Testing

struct NoiseTests {
    /// Made with the Python package `noiseprotocol` 0.3.1: static keys 01… and 03…, ephemeral keys 02… and 04…,
    /// identities 05… and 06…, the initiator's first.
    static let messages = [
        "ce8d3ad1ccb633ec7b70c17814a5c76ecd029685050d344745ba05870e587d59",
        """
        ac01b2209e86354fb853237b5de0f4fab13c7fcbf433a61c019369617fecf10bb719b14d19eaf5ca91c89748c5ce8668e6864f05ee236768
        2b3e0c2fd086f0b4f64162733f3fe548251c518fe8c03ccea02da3639e5917927372ea3821ef96e2da18fd551c126830e0b56d0a536f128a
        7d57701097067a0254e5cf5933028818e5349b1917f11b3043d5814bbe65fb29fe99bee6fb7044096263c276413ee101a94dd8da084efce5
        3cbad4fa88ef337111943c8bea36e638956092ddb10cc9f7246b6354d8dc0a9191373bb815fc1b026765c66cf4245a67
        """,
        """
        539a5cf3ae8a0a9134b32bfa775a1522db3558a1351ed4101989b8b88aa6a6f02d20917f409a49ca4a3c5cab26f569494d46bc2ab3b7b3f2
        7646a3a59a7946c292bed71167fd53133b1927796d13bf6e07bd11c516734d7cf0bd57d27cbe17c6c9318106bee087ac6a0776561d58b47e
        3b7bf387fcd655b873cda76d54b3263d8bac8ba9971791db79c6083a27e37b98a143854297bc9e18e3aa65506c26ac752ece86e7dcd8dac1
        b174310dc1fa1a7fdedca5375754479d
        """,
    ]

    static func keys(_ longTerm: UInt8, _ ephemeral: UInt8) throws -> NoiseKeys {
        NoiseKeys(
            static: try .init(rawRepresentation: [UInt8](repeating: longTerm, count: 32)),
            ephemeral: try .init(rawRepresentation: [UInt8](repeating: ephemeral, count: 32)))
    }

    static func identity(_ seed: UInt8) throws -> Identity {
        try Identity(.init(rawRepresentation: [UInt8](repeating: seed, count: 32)))
    }

    static func pair(
        initiatorMuxers: [String] = ["/yamux/1.0.0"], responderMuxers: [String] = ["/yamux/1.0.0"],
        expected: PeerID? = nil
    ) throws -> (NoiseHandshake, NoiseHandshake) {
        (
            NoiseHandshake(
                .initiator, identity: try identity(5), expectedPeer: expected, muxers: initiatorMuxers,
                keys: try keys(1, 2)),
            NoiseHandshake(.responder, identity: try identity(6), muxers: responderMuxers, keys: try keys(3, 4))
        )
    }

    static func finish(
        _ initiator: inout NoiseHandshake, _ responder: inout NoiseHandshake
    ) throws -> (NoiseOutcome, NoiseOutcome) {
        guard case .reply(let second) = try responder.receive(initiator.firstMessage()),
            case .finished(let first, let last?) = try initiator.receive(second),
            case .finished(let other, nil) = try responder.receive(last)
        else { throw NoiseError.unexpectedMessage }
        return (first, other)
    }

    @Test func `the handshake has the bytes of another implementation`() throws {
        var (initiator, responder) = try Self.pair()
        let first = initiator.firstMessage()
        #expect(first == hex(Self.messages[0]))
        guard case .reply(let second) = try responder.receive(first),
            case .finished(let outcome, let third?) = try initiator.receive(second),
            case .finished(let other, nil) = try responder.receive(third)
        else {
            Issue.record("the handshake took another way")
            return
        }
        #expect(hex(second) == hex(hex(Self.messages[1])))
        #expect(hex(third) == hex(hex(Self.messages[2])))
        #expect(PeerID(outcome.remoteKey) == (try Self.identity(6).peerID))
        #expect(PeerID(other.remoteKey) == (try Self.identity(5).peerID))

        var (sending, answering) = (outcome.sender, other.sender)
        #expect(hex(try sending.seal(Array("hello".utf8))) == "f5c8fdccae8939c5a6d0d9be2753d6cf345c85961d")
        #expect(hex(try answering.seal(Array("world".utf8))) == "ef940bdf5a86302dad53e2e4243977a108057c9693")
        #expect(hex(try sending.seal([])) == "a522f2484848db3857d90226afa01077")
    }

    @Test(
        arguments: [
            (["/yamux/1.0.0"], ["/yamux/1.0.0"], "/yamux/1.0.0"),
            (["/mplex", "/yamux/1.0.0"], ["/yamux/1.0.0"], "/yamux/1.0.0"),
            (["/a", "/b"], ["/b", "/a"], "/a"), ([], ["/yamux/1.0.0"], nil), (["/yamux/1.0.0"], [], nil),
            (["/a"], ["/b"], nil),
        ] as [([String], [String], String?)])
    func `the first muxer of the initiator that both have is agreed on early`(
        _ initiators: [String], _ responders: [String], _ expected: String?
    ) throws {
        var (initiator, responder) = try Self.pair(initiatorMuxers: initiators, responderMuxers: responders)
        let (first, second) = try Self.finish(&initiator, &responder)
        #expect(first.muxer == expected)
        #expect(second.muxer == expected)
    }

    @Test func `another peer than the expected one is named in the error`() throws {
        let stranger = try Self.identity(9).peerID
        let actual = try Self.identity(6).peerID
        var (initiator, responder) = try Self.pair(expected: stranger)
        #expect(throws: NoiseError.unexpectedPeer(expected: stranger, actual: actual)) {
            _ = try Self.finish(&initiator, &responder)
        }
    }

    @Test func `every changed bit of a handshake message is noticed`() throws {
        for (index, message) in Self.messages.map({ hex($0) }).enumerated().dropFirst() {
            for position in stride(from: 0, to: message.count, by: 5) {
                var changed = message
                changed[position] ^= 0x10
                var (initiator, responder) = try Self.pair()
                let first = initiator.firstMessage()
                guard case .reply = try responder.receive(first) else { return }
                #expect(throws: NoiseError.self) {
                    _ = try index == 1 ? initiator.receive(changed) : responder.receive(changed)
                }
            }
        }
    }

    @Test func `truncated, oversized and further messages are refused`() throws {
        for length in [0, 31] {
            var (_, responder) = try Self.pair()
            #expect(throws: NoiseError.truncated) { try responder.receive([UInt8](repeating: 9, count: length)) }
        }
        var (initiator, responder) = try Self.pair()
        _ = initiator.firstMessage()
        #expect(throws: NoiseError.truncated) { try initiator.receive([UInt8](repeating: 9, count: 79)) }
        #expect(throws: NoiseError.tooLong) { try responder.receive([UInt8](repeating: 9, count: 8193)) }
        #expect(throws: NoiseError.unexpectedMessage) { try initiator.receive(hex(Self.messages[1])) }
    }

    @Test func `a key of low order is refused`() throws {
        var (_, responder) = try Self.pair()
        #expect(throws: NoiseError.weakKey) { try responder.receive([UInt8](repeating: 0, count: 32)) }
    }

    @Test func `large plaintexts are cut into messages, and come out in their order`() throws {
        var (initiator, responder) = try Self.pair()
        let (first, second) = try Self.finish(&initiator, &responder)
        var sender = NoiseTransport(first, decoder: NoiseFrameDecoder())
        var receiver = NoiseTransport(second, decoder: NoiseFrameDecoder())
        let plaintext = (0..<200_000).map { UInt8(truncatingIfNeeded: $0) }
        var sealed = try sender.seal(ByteBuffer(bytes: plaintext))
        var received: [UInt8] = []
        while sealed.readableBytes > 0, let part = sealed.readSlice(length: min(1460, sealed.readableBytes)) {
            receiver.append(part)
            while let message = try receiver.next() { received += message }
        }
        #expect(received == plaintext)
    }
}
