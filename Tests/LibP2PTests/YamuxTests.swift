import LibP2P
import NIOCore
import Testing

/// Two sessions that hear each other at once.
struct YamuxPair {
    var dialer: YamuxSession
    var listener: YamuxSession
    var now = NIODeadline.uptimeNanoseconds(1)

    init(_ limits: YamuxSession.Limits = .init()) {
        dialer = YamuxSession(.dialer, limits: limits, now: now)
        listener = YamuxSession(.listener, limits: limits, now: now)
    }

    /// Carries bytes until nobody has anything to say.
    mutating func exchange() throws -> (dialer: [YamuxEvent], listener: [YamuxEvent]) {
        var events: (dialer: [YamuxEvent], listener: [YamuxEvent]) = ([], [])
        while dialer.outbound.readableBytes > 0 || listener.outbound.readableBytes > 0 {
            let toListener = Array(dialer.outbound.readableBytesView)
            let toDialer = Array(listener.outbound.readableBytesView)
            dialer.outbound.clear()
            listener.outbound.clear()
            events.listener += try listener.receive(toListener, now: now)
            events.dialer += try dialer.receive(toDialer, now: now)
        }
        return events
    }
}

struct YamuxTests {
    static let start = NIODeadline.uptimeNanoseconds(1)

    static func frame(
        _ kind: YamuxHeader.Kind, _ flags: YamuxHeader.Flags = [], _ id: UInt32 = 0, length: UInt32 = 0,
        payload: [UInt8] = []
    ) -> [UInt8] {
        var buffer = ByteBuffer()
        YamuxHeader(kind, flags, streamID: id, length: length).write(to: &buffer)
        return Array(buffer.readableBytesView) + payload
    }

    static func data(_ id: UInt32, _ payload: [UInt8], _ flags: YamuxHeader.Flags = []) -> [UInt8] {
        frame(.data, flags, id, length: UInt32(payload.count), payload: payload)
    }

    static func bytes(_ session: YamuxSession) -> [UInt8] { Array(session.outbound.readableBytesView) }

    @Test func `frames have the bytes of the specification`() throws {
        var session = YamuxSession(.dialer, now: Self.start)
        let id = try session.open()
        #expect(id == 1)
        #expect(hex(Self.bytes(session)) == "000100010000000100000000")
        session.outbound.clear()
        var payload = ByteBuffer(string: "hi")
        #expect(session.send(&payload, on: id) == 2)
        session.closeWrite(id)
        session.ping(now: Self.start)
        session.goAway()
        #expect(
            hex(Self.bytes(session))
                == "000000000000000100000002" + "6869" + "000100040000000100000000" + "000200010000000000000001"
                + "000300000000000000000000")
    }

    @Test func `a stream carries both ways, and ends half by half`() throws {
        var pair = YamuxPair()
        let id = try pair.dialer.open()
        var request = ByteBuffer(string: "request")
        _ = pair.dialer.send(&request, on: id)
        pair.dialer.closeWrite(id)
        var events = try pair.exchange()
        #expect(events.listener.first == .opened(1))
        #expect(pair.listener.read(1) == .bytes(ByteBuffer(string: "request")))
        #expect(pair.listener.read(1) == .end)
        var answer = ByteBuffer(string: "answer")
        _ = pair.listener.send(&answer, on: 1)
        pair.listener.closeWrite(1)
        events = try pair.exchange()
        #expect(events.dialer.contains(.readable(1)))
        #expect(pair.dialer.read(1) == .bytes(ByteBuffer(string: "answer")))
        #expect(pair.dialer.read(1) == .end)
        pair.dialer.release(1, now: pair.now)
        pair.listener.release(1, now: pair.now)
        #expect(pair.dialer.streamCount == 0)
        #expect(pair.listener.streamCount == 0)
    }

    @Test func `20 MiB pass through windows of 256 KiB, and stop where nobody reads`() throws {
        var pair = YamuxPair()
        let id = try pair.dialer.open()
        let chunk = ByteBuffer(bytes: (0..<(1 << 20)).map { UInt8(truncatingIfNeeded: $0 &* 31) })
        var received = 0
        for _ in 0..<20 {
            var rest = chunk
            while rest.readableBytes > 0 {
                let sent = try #require(pair.dialer.send(&rest, on: id))
                _ = try pair.exchange()
                #expect(pair.listener.unreadBytes <= YamuxSession.initialWindowBytes)
                if sent == 0 {
                    #expect(pair.listener.unreadBytes > 0, "only an unread stream stops its sender")
                }
                if case .bytes(let bytes) = pair.listener.read(id) {
                    received += bytes.readableBytes
                    _ = try pair.exchange()
                }
            }
        }
        #expect(received == 20 << 20)
        #expect(pair.listener.unreadBytes == 0)
    }

    @Test func `more than the window is the end of the connection`() throws {
        var session = YamuxSession(.listener, now: Self.start)
        _ = try session.receive(Self.frame(.windowUpdate, .syn, 1), now: Self.start)
        _ = try session.receive(Self.data(1, [UInt8](repeating: 0, count: 256 << 10)), now: Self.start)
        #expect(throws: YamuxError.windowExceeded) {
            try session.receive(Self.frame(.data, [], 1, length: 1), now: Self.start)
        }
    }

    @Test func `an impossible length is refused before its bytes come`() throws {
        var session = YamuxSession(.listener, now: Self.start)
        _ = try session.receive(Self.frame(.windowUpdate, .syn, 1), now: Self.start)
        #expect(throws: YamuxError.windowExceeded) {
            try session.receive(Self.frame(.data, [], 1, length: .max), now: Self.start)
        }
    }

    @Test(
        arguments: [
            (YamuxSession.Role.listener, frame(.windowUpdate, .syn, 2)), (.dialer, frame(.windowUpdate, .syn, 1)),
            (.listener, frame(.data, .syn, 0)),
            (.listener, frame(.windowUpdate, .syn, 1) + frame(.windowUpdate, .syn, 1)),
        ] as [(YamuxSession.Role, [UInt8])])
    func `a stream number that the peer may not use ends the connection`(_ role: YamuxSession.Role, _ bytes: [UInt8]) {
        var session = YamuxSession(role, now: Self.start)
        #expect(throws: YamuxError.wrongStream) { try session.receive(bytes, now: Self.start) }
    }

    @Test func `unknown versions and frames end the connection`() {
        var session = YamuxSession(.listener, now: Self.start)
        #expect(throws: YamuxError.unknownVersion) {
            try session.receive([1] + [UInt8](repeating: 0, count: 11), now: Self.start)
        }
        session = YamuxSession(.listener, now: Self.start)
        #expect(throws: YamuxError.unknownFrame) {
            try session.receive([0, 9] + [UInt8](repeating: 0, count: 10), now: Self.start)
        }
    }

    @Test func `the code of a reset is no credit`() throws {
        var session = YamuxSession(.dialer, now: Self.start)
        let id = try session.open()
        let events = try session.receive(
            Self.frame(.windowUpdate, .ack, id) + Self.frame(.windowUpdate, .rst, id, length: 0x1003), now: Self.start)
        #expect(events == [.reset(id, code: 0x1003)])
        #expect(session.read(id) == .reset(code: 0x1003))
        var bytes = ByteBuffer(string: "x")
        #expect(session.send(&bytes, on: id) == nil)
        session.release(id, now: Self.start)
        #expect(session.streamCount == 0)
    }

    @Test func `frames of streams that are gone are passed over, with their payload`() throws {
        var session = YamuxSession(.listener, now: Self.start)
        let events = try session.receive(
            Self.data(7, [1, 2, 3]) + Self.frame(.windowUpdate, [], 9, length: 5) + Self.frame(.windowUpdate, .rst, 11)
                + Self.frame(.data, .fin, 13) + Self.frame(.windowUpdate, .syn, 1), now: Self.start)
        #expect(events == [.opened(1)])
    }

    @Test func `data after the end of a stream ends the stream, and no other`() throws {
        var session = YamuxSession(.listener, now: Self.start)
        _ = try session.receive(
            Self.data(1, [1], [.syn, .fin]) + Self.frame(.windowUpdate, .syn, 3), now: Self.start)
        session.outbound.clear()
        let events = try session.receive(Self.data(1, [1, 2]) + Self.data(3, [7]), now: Self.start)
        #expect(events == [.reset(1, code: 0), .readable(3)])
        #expect(Array(session.outbound.readableBytesView) == Self.frame(.windowUpdate, .rst, 1))
    }

    @Test func `credit beyond 32 bits adds up`() throws {
        var session = YamuxSession(.dialer, now: Self.start)
        let id = try session.open()
        for _ in 0..<8 {
            _ = try session.receive(Self.frame(.windowUpdate, [], id, length: .max), now: Self.start)
        }
        var bytes = ByteBuffer(bytes: [UInt8](repeating: 0, count: 1 << 20))
        #expect(session.send(&bytes, on: id) == 1 << 20)
    }

    @Test func `streams above the limit are reset, and the others live on`() throws {
        var limits = YamuxSession.Limits()
        limits.inboundStreams = 2
        var pair = YamuxPair(limits)
        for _ in 0..<3 { _ = try pair.dialer.open() }
        let events = try pair.exchange()
        #expect(events.listener == [.opened(1), .opened(3)])
        #expect(events.dialer == [.reset(5, code: 0x1005)])
        // A place is free when its owner has let go.
        pair.listener.reset(1)
        pair.listener.release(1, now: pair.now)
        _ = try pair.exchange()
        _ = try pair.dialer.open()
        #expect(try pair.exchange().listener == [.opened(7)])
    }

    @Test func `streams that the peer does not acknowledge are bounded`() throws {
        var limits = YamuxSession.Limits()
        limits.unacknowledgedStreams = 3
        var session = YamuxSession(.dialer, limits: limits, now: Self.start)
        for _ in 0..<3 { _ = try session.open() }
        #expect(throws: YamuxError.tooManyStreams) { try session.open() }
        _ = try session.receive(Self.frame(.windowUpdate, .ack, 1), now: Self.start)
        #expect(try session.open() == 7)
    }

    @Test func `a ping is answered with its value`() throws {
        var session = YamuxSession(.listener, now: Self.start)
        _ = try session.receive(Self.frame(.ping, .syn, length: 0xABCD), now: Self.start)
        #expect(Self.bytes(session) == Self.frame(.ping, .ack, length: 0xABCD))
    }

    @Test func `a silent peer is probed, and given up when it stays silent`() throws {
        var session = YamuxSession(.listener, now: Self.start)
        try session.tick(now: Self.start + .seconds(29))
        #expect(session.outbound.readableBytes == 0)
        try session.tick(now: Self.start + .seconds(30))
        #expect(Self.bytes(session) == Self.frame(.ping, .syn, length: 1))
        try session.tick(now: Self.start + .seconds(39))
        #expect(throws: YamuxError.pingUnanswered) { try session.tick(now: Self.start + .seconds(40)) }
    }

    @Test func `an answered ping tells the time it took, a wrong answer nothing`() throws {
        var session = YamuxSession(.listener, now: Self.start)
        session.ping(now: Self.start)
        #expect(try session.receive(Self.frame(.ping, .ack, length: 99), now: Self.start + .seconds(1)) == [])
        let events = try session.receive(Self.frame(.ping, .ack, length: 1), now: Self.start + .seconds(2))
        #expect(events == [.ponged(.seconds(2))])
        try session.tick(now: Self.start + .seconds(20))
    }

    @Test func `after leave is taken no stream is opened`() throws {
        var pair = YamuxPair()
        let id = try pair.dialer.open()
        _ = try pair.exchange()
        pair.listener.goAway()
        #expect(try pair.exchange().dialer == [.goAway(code: 0)])
        #expect(throws: YamuxError.goingAway) { try pair.dialer.open() }
        #expect(throws: YamuxError.goingAway) { try pair.listener.open() }
        var bytes = ByteBuffer(string: "still")
        _ = pair.dialer.send(&bytes, on: id)
        #expect(try pair.exchange().listener == [.readable(id)])
    }

    @Test func `a stream that its owner leaves unfinished is reset`() throws {
        var pair = YamuxPair()
        let id = try pair.dialer.open()
        _ = try pair.exchange()
        pair.dialer.release(id, now: pair.now)
        #expect(try pair.exchange().listener == [.reset(id, code: 0)])
        #expect(pair.dialer.streamCount == 0)
    }

    @Test func `what comes on a stream that nobody reads any more is dropped, and not for ever`() throws {
        var pair = YamuxPair()
        let id = try pair.dialer.open()
        _ = try pair.exchange()
        pair.listener.closeWrite(id)
        pair.listener.release(id, now: pair.now)
        for _ in 0..<4 {
            var bytes = ByteBuffer(bytes: [UInt8](repeating: 0, count: 128 << 10))
            #expect(pair.dialer.send(&bytes, on: id) == 128 << 10)
            _ = try pair.exchange()
            #expect(pair.listener.unreadBytes == 0)
        }
        try pair.listener.tick(now: pair.now + .seconds(29))
        #expect(pair.listener.streamCount == 1)
        try pair.listener.tick(now: pair.now + .seconds(30))
        #expect(pair.listener.streamCount == 0)
        #expect(try pair.exchange().dialer.contains(.reset(id, code: 0)))
    }
}
