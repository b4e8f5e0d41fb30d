import NIOCore
import Testing

@testable import ContainerdClient

struct FrameTests {
    @Test func `messages are found however the bytes are cut`() throws {
        var all = GRPCFrameDecoder.frame([1, 2, 3])
        all.writeImmutableBuffer(GRPCFrameDecoder.frame([]))
        all.writeImmutableBuffer(GRPCFrameDecoder.frame(Array(repeating: 7, count: 300)))
        for length in 1...20 {
            var decoder = GRPCFrameDecoder(limitBytes: 300)
            var rest = all
            var messages: [[UInt8]] = []
            while rest.readableBytes > 0 {
                if let part = rest.readSlice(length: min(length, rest.readableBytes)) { decoder.append(part) }
                while let message = try decoder.next() { messages.append(Array(message.readableBytesView)) }
            }
            let isAmid = decoder.isAmidMessage
            #expect(messages == [[1, 2, 3], [], Array(repeating: 7, count: 300)])
            #expect(!isAmid)
        }
    }

    @Test func `what is too large or compressed is refused before it is there`() {
        var large = GRPCFrameDecoder(limitBytes: 10)
        large.append(ByteBuffer(bytes: [0, 0, 0, 0, 11]))
        #expect(throws: GRPCError.tooLarge(limitBytes: 10)) { try large.next() }
        var compressed = GRPCFrameDecoder(limitBytes: 10)
        compressed.append(ByteBuffer(bytes: [1, 0, 0, 0, 1, 0]))
        #expect(throws: GRPCError.malformed("a compressed message")) { try compressed.next() }
    }
}
