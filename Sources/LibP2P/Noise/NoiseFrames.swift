package import NIOCore

/// Cuts a byte stream into Noise messages: two bytes of length, big endian, then as many bytes.
package struct NoiseFrameDecoder {
    private var received = ByteBuffer()

    package init() {}

    package mutating func append(_ bytes: ByteBuffer) { received.writeImmutableBuffer(bytes) }

    /// The next message, at most 65 535 bytes long, or nil where it is not there whole.
    /// - Throws: ``NoiseError/tooLong`` as soon as a length above `limitBytes` is seen.
    package mutating func next(limitBytes: Int = 65535) throws(NoiseError) -> [UInt8]? {
        guard let length: UInt16 = received.getInteger(at: received.readerIndex) else { return nil }
        guard Int(length) <= limitBytes else { throw .tooLong }
        guard received.readableBytes >= 2 + Int(length) else { return nil }
        received.moveReaderIndex(forwardBy: 2)
        let message = received.readBytes(length: Int(length))
        received.discardReadBytes()
        return message
    }

    package var pendingBytes: Int { received.readableBytes }

    package static func frame(_ message: [UInt8]) -> ByteBuffer {
        var buffer = ByteBuffer()
        buffer.writeInteger(UInt16(message.count))
        buffer.writeBytes(message)
        return buffer
    }
}

/// The two directions of a connection after its handshake.
package struct NoiseTransport {
    private var sender: NoiseCipher
    private var receiver: NoiseCipher
    private var decoder: NoiseFrameDecoder

    /// - Parameter decoder: that of the handshake, which may hold what came after its last message.
    package init(_ outcome: NoiseOutcome, decoder: NoiseFrameDecoder) {
        sender = outcome.sender
        receiver = outcome.receiver
        self.decoder = decoder
    }

    /// Frames `plaintext`, in as many messages as it needs.
    package mutating func seal(_ plaintext: ByteBuffer) throws(NoiseError) -> ByteBuffer {
        var plaintext = plaintext
        var framed = ByteBuffer()
        while plaintext.readableBytes > 0 {
            let part = plaintext.readBytes(length: min(plaintext.readableBytes, Self.plaintextLimitBytes)) ?? []
            let sealed = try sender.seal(part)
            framed.writeInteger(UInt16(sealed.count))
            framed.writeBytes(sealed)
        }
        return framed
    }

    package mutating func append(_ bytes: ByteBuffer) { decoder.append(bytes) }

    /// The plaintext of the next whole message.
    package mutating func next() throws(NoiseError) -> [UInt8]? {
        guard let message = try decoder.next() else { return nil }
        return try receiver.open(message)
    }

    private static let plaintextLimitBytes = 65535 - NoiseCipher.tagLength
}
