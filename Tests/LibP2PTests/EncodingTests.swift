import HostileInput
import LibP2P
import NIOCore
import ProtobufCoding
import Testing

struct EncodingTests {
    @Test(
        arguments: [
            (0, "00"), (1, "01"), (127, "7f"), (128, "8001"), (255, "ff01"), (300, "ac02"), (16384, "808001"),
            (UInt64(Int64.max), "ffffffffffffffff7f"),
        ] as [(UInt64, String)])
    func `a number is written in as few bytes as it needs`(_ value: UInt64, _ text: String) throws {
        #expect(Varint.encode(value) == hex(text))
        let decoded = try Varint.decode(hex(text) + [7])
        #expect(decoded?.value == value)
        #expect(decoded?.length == hex(text).count)
    }

    @Test(arguments: ["8100", "ffffffffffffffffff01", "808080808080808080"])
    func `a number that is too long or not minimal is refused`(_ text: String) {
        #expect(throws: VarintError.self) { try Varint.decode(hex(text)) }
    }

    @Test func `a number without its end waits for more`() throws {
        #expect(try Varint.decode(hex("ffff")) == nil)
        #expect(try Varint.decode([]) == nil)
    }

    @Test(arguments: ["0a", "0a05ffff", "08", "0b", "00ff", "0affffffffffffffff7f", "08ffffffffffffffffffffff", "0d01"])
    func `protobuf that is truncated or malformed is refused`(_ text: String) {
        var reader = ProtobufReader(hex(text))
        #expect(throws: ProtobufError.self) { while try reader.next() != nil {} }
    }

    @Test func `protobuf fields come in their order, unknown ones as well`() throws {
        var writer = ProtobufWriter()
        writer.varint(3, field: 1)
        writer.string("weir", field: 900)
        var reader = ProtobufReader(writer.bytes + [0x15, 1, 2, 3, 4])
        let first = try #require(try reader.next())
        #expect(first.number == 1 && first.value == .varint(3))
        let second = try #require(try reader.next())
        #expect(second.number == 900 && second.value == .bytes(Array("weir".utf8)[...]))
        #expect(try reader.next()?.value == .fixed)
        #expect(try reader.next() == nil)
    }

    @Test(arguments: [
        ("", ""), ("00", "1"), ("0000287fb4cd", "11233QC4"), ("48656c6c6f20576f726c6421", "2NEpo7TZRRrLZSi2U"),
    ])
    func `base58 keeps leading zeros`(_ bytes: String, _ text: String) {
        #expect(BaseText.base58.encode(hex(bytes)) == text)
        #expect(BaseText.base58.decode(text) == hex(bytes))
    }

    @Test func `what a base does not have is refused`() {
        #expect(BaseText.base58.decode("0OIl") == nil)
        #expect(BaseText.base58.decode(String(repeating: "1", count: 129)) == nil)
        #expect(BaseText.decodeBase32("a1") == nil)
        #expect(BaseText.decodeBase32("ab") == nil, "the bits that are left over must be zero")
    }

    @Test func `messages are cut by their lengths, however the bytes come`() throws {
        var whole = LengthPrefixedDecoder.frame(Array("one".utf8))
        whole.writeImmutableBuffer(LengthPrefixedDecoder.frame([]))
        whole.writeImmutableBuffer(LengthPrefixedDecoder.frame([UInt8](repeating: 7, count: 300)))
        for step in 1...whole.readableBytes {
            var decoder = LengthPrefixedDecoder(limitBytes: 300)
            var rest = whole
            var messages: [[UInt8]] = []
            while rest.readableBytes > 0, let part = rest.readSlice(length: min(step, rest.readableBytes)) {
                decoder.append(part)
                while let message = try decoder.next() { messages.append(message) }
            }
            #expect(messages == [Array("one".utf8), [], [UInt8](repeating: 7, count: 300)])
        }
    }

    @Test func `a message above the limit is refused by its length alone`() {
        var decoder = LengthPrefixedDecoder(limitBytes: 100)
        decoder.append(ByteBuffer(bytes: Varint.encode(101)))
        #expect(throws: FramingError.tooLong(limitBytes: 100)) { try decoder.next() }
    }
}
