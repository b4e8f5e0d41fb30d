internal import NIOCore

/// libp2p's ping: blocks of 32 bytes are sent back until the end. <https://github.com/libp2p/specs/blob/master/ping/ping.md>
package enum Ping {
    package static let protocolID = "/ipfs/ping/1.0.0"
    static let blockBytes = 32
}

extension Host {
    /// Performs what waits for a peer to say something on a stream that it has opened.
    /// - Throws: ``StreamError/timedOut`` after ``HostConfiguration/streamIdleTimeout``.
    package func withIdleLimit<Value: Sendable>(
        _ operation: @escaping @Sendable () async throws -> Value
    ) async throws -> Value {
        try await withTimeLimit(configuration.streamIdleTimeout, clock: configuration.clock, operation)
    }

    /// A peer that asks nothing for long does not need the stream, and one that does not read its answers neither.
    func answerPings(on stream: PeerStream) async throws {
        var received = ByteBuffer()
        while let bytes = try await withIdleLimit({ try await stream.read() }) {
            received.writeImmutableBuffer(bytes)
            let whole = received.readableBytes / Ping.blockBytes * Ping.blockBytes
            if whole > 0, let blocks = received.readSlice(length: whole) {
                try await withIdleLimit { try await stream.write(blocks) }
            }
            received.discardReadBytes()
        }
    }

    /// How long a peer takes to answer on the connection that is there or can be made.
    /// - Throws: ``StreamError/timedOut`` after `limit`, or where the answer is wrong.
    package func ping(_ peer: PeerID, at addresses: [Multiaddr] = [], limit: Duration) async throws -> Duration {
        let block = ByteBuffer(bytes: (0..<32).map { _ in UInt8.random(in: 0...255) })
        return try await withTimeLimit(limit) {
            let stream = try await self.openStream(to: peer, at: addresses, protocolID: Ping.protocolID)
            defer { stream.release() }
            let start = ContinuousClock.now
            try await stream.write(block)
            var answer = ByteBuffer()
            while answer.readableBytes < block.readableBytes, let bytes = try await stream.read() {
                answer.writeImmutableBuffer(bytes)
            }
            guard answer == block else { throw StreamError.closed }
            return ContinuousClock.now - start
        }
    }
}
