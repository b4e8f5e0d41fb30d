package import NIOCore
package import OCI

/// Bytes that no compression or sparse file makes small, the same for the same seed, with their digest.
package struct Sample: Sendable {
    package let bytes: ByteBuffer
    package let digest: Digest

    package init(seed: UInt64, count: Int, algorithm: Digest.Algorithm = .sha256) {
        var state = seed &+ 0x9E37_79B9_7F4A_7C15
        var content: [UInt8] = []
        content.reserveCapacity(count + 8)
        while content.count < count {
            // xorshift64
            state ^= state << 13
            state ^= state >> 7
            state ^= state << 17
            withUnsafeBytes(of: state.littleEndian) { content.append(contentsOf: $0) }
        }
        content.removeLast(content.count - count)
        bytes = ByteBuffer(bytes: content)
        digest = DigestHasher.digest(of: content, algorithm)
    }

    package var size: Int64 { Int64(bytes.readableBytes) }

    /// The bytes in pieces of `length`, the last one shorter.
    package func pieces(of length: Int) -> [ByteBuffer] {
        var rest = bytes
        var pieces: [ByteBuffer] = []
        while rest.readableBytes > 0, let piece = rest.readSlice(length: min(length, rest.readableBytes)) {
            pieces.append(piece)
        }
        return pieces
    }
}
