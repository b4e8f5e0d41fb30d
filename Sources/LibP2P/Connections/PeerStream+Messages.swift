internal import NIOCore

/// Messages on a stream, each after its length. For one task.
package struct MessageStream {
    private let stream: PeerStream
    private var decoder: LengthPrefixedDecoder

    /// - Parameter limitBytes: the longest message that is accepted.
    package init(_ stream: PeerStream, limitBytes: Int) {
        self.stream = stream
        decoder = LengthPrefixedDecoder(limitBytes: limitBytes)
    }

    /// The next message; nil where the peer has ended the stream after a whole one.
    /// - Throws: ``FramingError``, ``StreamError`` or `CancellationError`.
    package mutating func next() async throws -> [UInt8]? {
        while true {
            if let message = try decoder.next() { return message }
            guard let bytes = try await stream.read() else {
                guard decoder.pendingBytes == 0 else { throw FramingError.truncated }
                return nil
            }
            decoder.append(bytes)
        }
    }

    package func send(_ message: [UInt8]) async throws {
        try await stream.write(LengthPrefixedDecoder.frame(message))
    }
}
