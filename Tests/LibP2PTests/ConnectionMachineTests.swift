import HostileInput
import LibP2P
import NIOCore
import Testing

/// Two connections that hear each other, without a network.
struct MachinePair {
    var dialer: ConnectionMachine
    var listener: ConnectionMachine
    var now = NIODeadline.uptimeNanoseconds(1)
    /// Bytes that are carried at a time; all there are where it is nil.
    var step: Int?

    init(
        network: PrivateNetworkKey? = nil, otherNetwork: PrivateNetworkKey? = nil, early: (Bool, Bool) = (true, true),
        protocols: [String] = ["/echo"], expected: PeerID? = nil, step: Int? = nil
    ) throws {
        var settings = ConnectionSettings(identity: try NoiseTests.identity(5), privateNetwork: network)
        settings.offersEarlyMuxer = early.0
        dialer = ConnectionMachine(.dialer, settings: settings, expectedPeer: expected)
        settings = ConnectionSettings(
            identity: try NoiseTests.identity(6), privateNetwork: otherNetwork ?? network, protocols: protocols)
        settings.offersEarlyMuxer = early.1
        listener = ConnectionMachine(.listener, settings: settings)
        self.step = step
    }

    mutating func exchange() throws -> (dialer: [ConnectionEvent], listener: [ConnectionEvent]) {
        var events: (dialer: [ConnectionEvent], listener: [ConnectionEvent]) = ([], [])
        while true {
            let toListener = try dialer.takeOutbound()
            let toDialer = try listener.takeOutbound()
            if toListener == nil, toDialer == nil { return events }
            for part in cut(toListener) { events.listener += try listener.receive(part, now: now) }
            for part in cut(toDialer) { events.dialer += try dialer.receive(part, now: now) }
        }
    }

    private func cut(_ bytes: ByteBuffer?) -> [ByteBuffer] {
        guard var bytes else { return [] }
        var parts: [ByteBuffer] = []
        while bytes.readableBytes > 0, let part = bytes.readSlice(length: min(step ?? .max, bytes.readableBytes)) {
            parts.append(part)
        }
        return parts
    }
}

struct ConnectionMachineTests {
    static func network(_ byte: UInt8) throws -> PrivateNetworkKey {
        try PrivateNetworkKey([UInt8](repeating: byte, count: 32))
    }

    @Test(arguments: [(true, true), (true, false), (false, true), (false, false)], [1, 3, 1000])
    func `two sides become a connection, with and without early muxer, in pieces of any size`(
        _ early: (Bool, Bool), step: Int
    ) throws {
        var pair = try MachinePair(early: early, step: step)
        let events = try pair.exchange()
        #expect(events.dialer == [.established(try NoiseTests.identity(6).publicKey)])
        #expect(events.listener == [.established(try NoiseTests.identity(5).publicKey)])
        let id = try pair.dialer.open(["/echo"], now: pair.now)
        var bytes = ByteBuffer(string: "along with the proposal")
        _ = pair.dialer.write(&bytes, on: id, limitBytes: .max)
        let opened = try pair.exchange()
        #expect(opened.listener.first == .accepted(1, protocolID: "/echo"))
        #expect(opened.dialer.contains(.negotiated(1)))
        var received = ""
        while case .bytes(let bytes) = pair.listener.read(1) { received += String(buffer: bytes) }
        #expect(received == "along with the proposal")
    }

    @Test(arguments: [1, 17, 4096])
    func `a private network lets its members in`(step: Int) throws {
        var pair = try MachinePair(network: try Self.network(1), step: step)
        _ = try pair.exchange()
        #expect(pair.dialer.isEstablished && pair.listener.isEstablished)
    }

    @Test func `another network's key is nonsense, and the end`() throws {
        var pair = try MachinePair(network: try Self.network(1), otherNetwork: try Self.network(2))
        #expect(throws: ConnectionError.negotiation(.notMultistream)) { _ = try pair.exchange() }
        #expect(!pair.listener.isEstablished)
    }

    @Test func `another peer than the expected one is told by name`() throws {
        let stranger = try Identity().peerID
        var pair = try MachinePair(expected: stranger)
        #expect(
            throws: ConnectionError.noise(
                .unexpectedPeer(expected: stranger, actual: try NoiseTests.identity(6).peerID))
        ) { _ = try pair.exchange() }
    }

    @Test func `a protocol that nobody handles fails the stream alone`() throws {
        var pair = try MachinePair()
        _ = try pair.exchange()
        let id = try pair.dialer.open(["/other"], now: pair.now)
        let events = try pair.exchange()
        #expect(events.dialer == [.failed(id, .negotiation(.nothingInCommon))])
        let next = try pair.dialer.open(["/other", "/echo"], now: pair.now)
        #expect(try pair.exchange().dialer.contains(.negotiated(next)))
    }

    @Test func `a stream whose peer chooses no protocol is given up`() throws {
        var pair = try MachinePair()
        _ = try pair.exchange()
        _ = try pair.dialer.open(["/echo"], now: pair.now)
        #expect(try pair.dialer.tick(now: pair.now + .seconds(9)) == [])
        #expect(try pair.dialer.tick(now: pair.now + .seconds(10)) == [.failed(1, .timedOut)])
    }

    @Test func `a dialler that leaves after the second message does no harm`() throws {
        var pair = try MachinePair()
        while let bytes = try pair.dialer.takeOutbound() {
            _ = try pair.listener.receive(bytes, now: pair.now)
            guard let answer = try pair.listener.takeOutbound(), !pair.dialer.isEstablished else { break }
            _ = try pair.dialer.receive(answer, now: pair.now)
            if pair.dialer.isEstablished { break }
        }
        #expect(!pair.listener.isEstablished)
        #expect(try pair.listener.tick(now: pair.now + .seconds(100)) == [])
    }

    @Test(arguments: 0..<200)
    func `no bytes of a peer break a handshake's other side`(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        var pair = try MachinePair(network: seed.isMultiple(of: 3) ? try Self.network(1) : nil)
        // A stretch of a good conversation, then damage.
        let rounds = Int.random(in: 0...6, using: &generator)
        for round in 0..<40 {
            for toListener in [true, false] {
                let taken = try toListener ? pair.dialer.takeOutbound() : pair.listener.takeOutbound()
                guard var bytes = taken ?? (round >= rounds ? ByteBuffer() : nil) else { continue }
                if round >= rounds { bytes = Self.damage(bytes, &generator) }
                do throws(ConnectionError) {
                    _ =
                        try toListener
                        ? pair.listener.receive(bytes, now: pair.now) : pair.dialer.receive(bytes, now: pair.now)
                } catch {
                    return
                }
            }
        }
    }

    /// The plaintext a peer sends after the handshake is as hostile as any other.
    @Test(arguments: 0..<300)
    func `no frames of an authenticated peer exceed the bounds`(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        var limits = YamuxSession.Limits()
        limits.inboundStreams = 4
        var session = YamuxSession(.listener, limits: limits, now: .uptimeNanoseconds(1))
        for turn in 0..<200 {
            let kind = YamuxHeader.Kind(rawValue: UInt8.random(in: 0...3, using: &generator)) ?? .data
            let flags = YamuxHeader.Flags(rawValue: UInt16.random(in: 0...15, using: &generator))
            let id = UInt32.random(in: 0...12, using: &generator) * 2 + (turn.isMultiple(of: 50) ? 0 : 1)
            let count = Int.random(in: 0...2000, using: &generator)
            var bytes = YamuxTests.frame(
                kind, flags, id, length: UInt32(count),
                payload: kind == .data ? randomBytes(count: count, using: &generator) : [])
            if Int.random(in: 0..<40, using: &generator) == 0 { bytes = randomBytes(count: 12, using: &generator) }
            do throws(YamuxError) {
                for event in try session.receive(bytes, now: .uptimeNanoseconds(UInt64(turn) + 1)) {
                    if case .readable(let id) = event, Bool.random(using: &generator) { _ = session.read(id) }
                    if case .opened(let id) = event, Bool.random(using: &generator) {
                        session.release(id, now: .uptimeNanoseconds(1))
                    }
                }
            } catch {
                return
            }
            #expect(session.streamCount <= 4)
            #expect(session.unreadBytes <= 4 * YamuxSession.initialWindowBytes)
            #expect(session.unreadBytes >= 0)
            #expect(session.outbound.readableBytes <= (turn + 1) * 60)
        }
    }

    private static func damage(_ bytes: ByteBuffer, _ generator: inout SeededGenerator) -> ByteBuffer {
        var content = Array(bytes.readableBytesView)
        switch Int.random(in: 0..<5, using: &generator) {
        case 0 where !content.isEmpty:
            content[Int.random(in: 0..<content.count, using: &generator)] ^= UInt8.random(
                in: 1...255, using: &generator)
        case 1 where !content.isEmpty: content.removeLast(Int.random(in: 1...content.count, using: &generator))
        case 2: content += randomBytes(count: Int.random(in: 1...100, using: &generator), using: &generator)
        case 3: content = randomBytes(count: Int.random(in: 1...3000, using: &generator), using: &generator)
        default: content += content
        }
        return ByteBuffer(bytes: content)
    }
}
