internal import KademliaRouting
internal import LibP2P
internal import NIOCore
internal import ProtobufCoding

/// The places at which bytes of peers come in: for libFuzzer (`make fuzz`), and for the tests, which run the kept corpus.
///
/// An input may be refused in any way that is an error; a crash, and a broken promise, are faults.
package enum PeerFuzzTarget: String, CaseIterable, Sendable {
    case multistream
    case noisePayload = "noise-payload"
    case handshake
    case yamux
    case protobuf
    case multiaddr
    case identify
    case dht

    package func run(_ bytes: [UInt8]) {
        switch self {
        case .multistream: Self.multistream(bytes)
        case .noisePayload: Self.noisePayload(bytes)
        case .handshake: Self.handshake(bytes)
        case .yamux: Self.yamux(bytes)
        case .protobuf: Self.protobuf(bytes)
        case .multiaddr: Self.multiaddr(bytes)
        case .identify: Self.identify(bytes)
        case .dht: Self.dht(bytes)
        }
    }

    /// Cuts the input where its own bytes say, as TCP cuts where it likes: the first byte is the length of pieces.
    private static func pieces(_ bytes: [UInt8]) -> [ByteBuffer] {
        guard let first = bytes.first else { return [] }
        let step = Int(first) + 1
        let rest = bytes.dropFirst()
        return stride(from: rest.startIndex, to: rest.endIndex, by: step).map {
            ByteBuffer(bytes: rest[$0..<min($0 + step, rest.endIndex)])
        }
    }

    private static func multistream(_ bytes: [UInt8]) {
        for role in [MultistreamSelect.Role.dialer, .listener] {
            var selection = MultistreamSelect(role, ["/noise", "/yamux/1.0.0"])
            var input = ByteBuffer()
            for piece in pieces(bytes) {
                input.writeImmutableBuffer(piece)
                guard let selected = try? selection.receive(&input) else { continue }
                precondition(["/noise", "/yamux/1.0.0"].contains(selected))
                break
            }
            precondition(selection.outbound.readableBytes <= 2048)
        }
    }

    private static func noisePayload(_ bytes: [UInt8]) {
        guard let payload = try? NoisePayload(bytes) else { return }
        let again = try? NoisePayload(payload.bytes)
        precondition(again == payload)
        _ = try? PublicKey(protobuf: payload.identityKey)
    }

    private static func handshake(_ bytes: [UInt8]) {
        guard let identity = try? Identity() else { return }
        for role in [ConnectionMachine.Role.dialer, .listener] {
            var machine = ConnectionMachine(role, settings: ConnectionSettings(identity: identity))
            for piece in pieces(bytes) {
                guard (try? machine.receive(piece, now: .uptimeNanoseconds(1))) != nil else { break }
                _ = try? machine.takeOutbound()
            }
            precondition(!machine.isEstablished, "nobody proves an identity by chance")
        }
    }

    private static func yamux(_ bytes: [UInt8]) {
        var limits = YamuxSession.Limits()
        limits.inboundStreams = 4
        var session = YamuxSession(.listener, limits: limits, now: .uptimeNanoseconds(1))
        _ = try? session.open()
        for (turn, piece) in pieces(bytes).enumerated() {
            let now = NIODeadline.uptimeNanoseconds(UInt64(turn) + 1)
            guard let events = try? session.receive(Array(piece.readableBytesView), now: now) else { return }
            for case .readable(let id) in events where turn.isMultiple(of: 2) { _ = session.read(id) }
            for case .opened(let id) in events where turn.isMultiple(of: 3) { session.release(id, now: now) }
            precondition(session.streamCount <= 5)
            precondition(session.unreadBytes >= 0 && session.unreadBytes <= 5 * YamuxSession.initialWindowBytes)
        }
    }

    private static func protobuf(_ bytes: [UInt8]) {
        var reader = ProtobufReader(bytes)
        var length = 0
        while let field = try? reader.next() {
            guard case .bytes(let value) = field.value else { continue }
            length += value.count
        }
        precondition(length <= bytes.count)
        _ = try? Varint.decode(bytes)
    }

    private static func multiaddr(_ bytes: [UInt8]) {
        if let address = try? Multiaddr(bytes: bytes) {
            precondition(address.bytes == bytes)
            let text = "\(address)"
            precondition((try? Multiaddr(text)) == address)
            _ = (address.endpoint, address.reach, address.peerID, address.withoutPeer?.withPort(5001))
        }
        if let address = try? Multiaddr(String(decoding: bytes, as: UTF8.self)) {
            precondition((try? Multiaddr(bytes: address.bytes)) == address)
        }
        if let peer = try? PeerID(bytes: bytes) {
            let text = "\(peer)"
            precondition((try? PeerID(text)) == peer)
        }
        _ = try? PeerID(String(decoding: bytes, as: UTF8.self))
    }

    private static func identify(_ bytes: [UInt8]) {
        guard let message = try? IdentifyMessage(bytes) else { return }
        precondition(message.listenAddresses.count <= IdentifyMessage.addressCountMax)
        precondition(message.protocols.count <= IdentifyMessage.protocolCountMax)
        precondition((try? IdentifyMessage(message.bytes)) != nil)
    }

    private static func dht(_ bytes: [UInt8]) {
        guard let message = try? KademliaMessage(bytes) else { return }
        let again = try? KademliaMessage(message.bytes)
        precondition(again == message)
        guard let own = try? PeerID(bytes: [0x12, 0x20] + Array(repeating: 1, count: 32)),
            let sender = try? PeerID(bytes: [0x12, 0x20] + Array(repeating: 2, count: 32)),
            let address = try? Multiaddr("/ip4/10.0.0.1/tcp/5001")
        else { return }
        var state = KademliaState(own: own)
        // As an answer to us, and as a request of a peer.
        var lookup = Lookup(
            target: KeyspacePoint(own), own: own, seeds: [PeerRecord(peer: sender, addresses: [address])])
        _ = lookup.next()
        lookup.answered(sender, closer: message.closerPeers)
        precondition(lookup.heard.count <= 1 + 40)
        for _ in 0..<2 {
            let reply = state.reply(
                to: message, from: sender, ownAddresses: [address], now: .zero, addresses: { _ in [address] })
            if case .message(let answer) = reply { precondition(answer.kind == message.kind) }
        }
        precondition(state.providers.recordCount <= 1, "a peer speaks for itself alone")
    }
}
