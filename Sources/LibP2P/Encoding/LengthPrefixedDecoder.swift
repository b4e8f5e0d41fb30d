package import NIOCore
internal import ProtobufCoding

/// Cuts a stream of bytes into messages that each come after their length as a varint.
package struct LengthPrefixedDecoder {
    private let limitBytes: Int
    private var received = ByteBuffer()

    /// - Parameter limitBytes: the longest message that is accepted.
    package init(limitBytes: Int) { self.limitBytes = limitBytes }

    /// Bytes that belong to no whole message yet.
    package var pendingBytes: Int { received.readableBytes }

    package mutating func append(_ bytes: ByteBuffer) {
        received.writeImmutableBuffer(bytes)
    }

    /// The next message, or nil where more bytes are needed. A length above the limit is refused before its bytes come.
    package mutating func next() throws(FramingError) -> [UInt8]? {
        let prefix: (value: UInt64, length: Int)?
        do { prefix = try Varint.decode(received.readableBytesView) } catch { throw .malformedLength }
        guard let prefix else { return nil }
        guard prefix.value <= UInt64(limitBytes) else { throw .tooLong(limitBytes: limitBytes) }
        guard received.readableBytes - prefix.length >= Int(prefix.value) else { return nil }
        received.moveReaderIndex(forwardBy: prefix.length)
        let message = received.readBytes(length: Int(prefix.value)) ?? []
        received.discardReadBytes()
        return message
    }

    package static func frame(_ message: [UInt8]) -> ByteBuffer {
        var buffer = ByteBuffer()
        buffer.writeBytes(Varint.encode(message.count))
        buffer.writeBytes(message)
        return buffer
    }
}

package enum FramingError: Error, Hashable, CustomStringConvertible {
    case malformedLength
    case tooLong(limitBytes: Int)
    /// The stream ended in the middle of a message.
    case truncated

    package var description: String {
        switch self {
        case .malformedLength: "a message's length is malformed"
        case .tooLong(let limitBytes): "a message is longer than \(limitBytes) bytes"
        case .truncated: "the stream ended in the middle of a message"
        }
    }
}
