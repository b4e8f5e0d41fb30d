package import NIOCore

/// Cuts messages out of the bytes of a stream: one byte of flags, four of length, and the message.
///
/// gRPC over HTTP/2, "Length-Prefixed-Message". No compression is asked for, and none is taken.
package struct GRPCFrameDecoder {
    private var buffer = ByteBuffer()
    private let limitBytes: Int

    /// - Parameter limitBytes: of one message.
    package init(limitBytes: Int) { self.limitBytes = limitBytes }

    package mutating func append(_ bytes: ByteBuffer) {
        buffer.discardReadBytes()
        buffer.writeImmutableBuffer(bytes)
    }

    /// The next whole message; nil where more bytes are needed.
    package mutating func next() throws(GRPCError) -> ByteBuffer? {
        guard let flags = buffer.getInteger(at: buffer.readerIndex, as: UInt8.self),
            let length = buffer.getInteger(at: buffer.readerIndex + 1, as: UInt32.self)
        else { return nil }
        guard flags == 0 else { throw .malformed("a compressed message") }
        guard length <= limitBytes else { throw .tooLarge(limitBytes: limitBytes) }
        guard buffer.readableBytes >= 5 + Int(length) else { return nil }
        buffer.moveReaderIndex(forwardBy: 5)
        return buffer.readSlice(length: Int(length))
    }

    /// Whether part of a message is there.
    package var isAmidMessage: Bool { buffer.readableBytes > 0 }

    package static func frame(_ message: [UInt8]) -> ByteBuffer {
        var buffer = ByteBuffer()
        buffer.writeInteger(UInt8(0))
        buffer.writeInteger(UInt32(message.count))
        buffer.writeBytes(message)
        return buffer
    }
}
