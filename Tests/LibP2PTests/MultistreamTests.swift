import HostileInput
import LibP2P
import NIOCore
import ProtobufCoding
import Testing

struct MultistreamTests {
    static func line(_ text: String) -> [UInt8] { Varint.encode(text.utf8.count + 1) + text.utf8 + [0x0A] }
    static let header = line("/multistream/1.0.0")

    @Test func `the dialler's first write has header and proposal, as specified`() {
        let dialer = MultistreamSelect(.dialer, ["/noise"])
        #expect(
            Array(dialer.outbound.readableBytesView) == [0x13] + Array("/multistream/1.0.0\n".utf8) + [0x07]
                + Array("/noise\n".utf8))
    }

    @Test func `the listener declines what it does not speak, and keeps what follows the agreement`() throws {
        for step in [1, 2, 7, 200] {
            var listener = MultistreamSelect(.listener, ["/noise"])
            var input = ByteBuffer(bytes: Self.header + Self.line("/tls/1.0.0") + Self.line("/noise") + [1, 2, 3])
            var seen = ByteBuffer()
            var selected: String?
            while selected == nil, let part = input.readSlice(length: min(step, input.readableBytes)) {
                seen.writeImmutableBuffer(part)
                selected = try listener.receive(&seen)
            }
            #expect(selected == "/noise")
            seen.writeBuffer(&input)
            #expect(Array(seen.readableBytesView) == [1, 2, 3])
            #expect(
                Array(listener.outbound.readableBytesView) == Self.header + [0x03, 0x6E, 0x61, 0x0A]
                    + Self.line("/noise"))
        }
    }

    @Test func `the dialler proposes the next protocol, and at last gives up`() throws {
        var dialer = MultistreamSelect(.dialer, ["/a", "/b"])
        dialer.outbound = ByteBuffer()
        var input = ByteBuffer(bytes: Self.header + Self.line("na"))
        #expect(try dialer.receive(&input) == nil)
        #expect(Array(dialer.outbound.readableBytesView) == Self.line("/b"))
        input = ByteBuffer(bytes: Self.line("na"))
        #expect(throws: MultistreamError.nothingInCommon) { try dialer.receive(&input) }
    }

    @Test(arguments: [
        [UInt8]("GET / HTTP/1.1\r\n".utf8), [0x00], [0x13] + Array("/multistream/2.0.0\n".utf8),
        [0xFF, 0xFF, 0xFF, 0x7F],
        [0x02, 0xFF, 0x0A], [0x81, 0x08] + [UInt8](repeating: 0x61, count: 1025), [0x02, 0x61, 0x61],
    ])
    func `what is not multistream-select is refused`(_ bytes: [UInt8]) {
        for role in [MultistreamSelect.Role.dialer, .listener] {
            var select = MultistreamSelect(role, ["/noise"])
            var input = ByteBuffer(bytes: bytes)
            #expect(throws: MultistreamError.self) { try select.receive(&input) }
        }
    }

    @Test func `an answer that was not proposed is refused`() {
        var dialer = MultistreamSelect(.dialer, ["/a"])
        var input = ByteBuffer(bytes: Self.header + Self.line("/b"))
        #expect(throws: MultistreamError.unexpectedAnswer) { try dialer.receive(&input) }
    }

    @Test func `a flood of proposals ends, with few answers`() {
        var listener = MultistreamSelect(.listener, ["/noise"])
        var input = ByteBuffer(bytes: Self.header + (0..<1000).flatMap { Self.line("/\($0)") })
        #expect(throws: MultistreamError.tooManyProposals) { try listener.receive(&input) }
        #expect(listener.outbound.readableBytes < 1024)
    }
}
