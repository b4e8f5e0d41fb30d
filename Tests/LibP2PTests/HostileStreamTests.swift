import NIOCore
import Testing

@testable import LibP2P

/// Streams that a peer opens and does not begin as it should.
struct HostileStreamTests {
    @Test func `a stream on which the peer proposes nothing is given up, and gives its place back`() throws {
        var pair = try MachinePair()
        _ = try pair.exchange()
        // As many as may be open at once, then one more.
        let opened = (0..<65).flatMap { YamuxTests.frame(.windowUpdate, .syn, 1 + 2 * UInt32($0)) }
        pair.dialer.session?.outbound.writeBytes(opened)
        _ = try pair.exchange()
        #expect(pair.listener.streamCount == 64)
        #expect(try pair.listener.tick(now: pair.now + .seconds(9)) == [])
        #expect(pair.listener.streamCount == 64)
        #expect(try pair.listener.tick(now: pair.now + .seconds(10)) == [], "nobody has heard of them")
        #expect(pair.listener.streamCount == 0)
        pair.dialer.session?.outbound.writeBytes(YamuxTests.frame(.windowUpdate, .syn, 201))
        _ = try pair.exchange()
        #expect(pair.listener.streamCount == 1)
    }

    @Test(arguments: [
        [0xFF, 0xFF, 0xFF, 0xFF], Array("GET / HTTP/1.1\r\n\r\n".utf8),
        MultistreamTests.header + [0x00], MultistreamTests.header + [0x02, 0xFF, 0x0A],
        MultistreamTests.header + (0..<100).flatMap { MultistreamTests.line("/\($0)") },
    ])
    func `a stream that begins with nonsense is reset, and the others go on`(_ bytes: [UInt8]) throws {
        var pair = try MachinePair()
        _ = try pair.exchange()
        let good = try pair.dialer.open(["/echo"], now: pair.now)
        #expect(try pair.exchange().listener.contains(.accepted(good, protocolID: "/echo")))
        pair.dialer.session?.outbound.writeBytes(
            YamuxTests.frame(.windowUpdate, .syn, 201) + YamuxTests.data(201, bytes))
        let events = try pair.exchange()
        #expect(events.listener == [])
        #expect(pair.listener.streamCount == 1)
        var words = ByteBuffer(string: "still here")
        _ = pair.dialer.write(&words, on: good, limitBytes: .max)
        #expect(try pair.exchange().listener.contains(.readable(good)))
    }
}
