internal import Crypto
package import LibP2P

/// A place in the space of 256 bits in which peers and keys lie: the SHA-256 of a peer ID or a key.
package struct KeyspacePoint: Sendable, Hashable, Comparable {
    /// Most significant first.
    private let words: SIMD4<UInt64>

    private init(words: SIMD4<UInt64>) { self.words = words }

    package init(hashing bytes: some Sequence<UInt8>) {
        var words = SIMD4<UInt64>()
        for (index, byte) in SHA256.hash(data: Array(bytes)).enumerated() {
            words[index / 8] = words[index / 8] << 8 | UInt64(byte)
        }
        self.words = words
    }

    package init(_ peer: PeerID) { self.init(hashing: peer.bytes) }

    /// XOR: the distance as a number.
    package func distance(to other: KeyspacePoint) -> KeyspacePoint { KeyspacePoint(words: words ^ other.words) }

    package var leadingZeroBitCount: Int {
        for index in 0..<4 where words[index] != 0 { return 64 * index + words[index].leadingZeroBitCount }
        return 256
    }

    /// How many bits both have in common at their beginning.
    package func commonPrefixLength(with other: KeyspacePoint) -> Int { distance(to: other).leadingZeroBitCount }

    package var bytes: [UInt8] {
        (0..<32).map { UInt8(truncatingIfNeeded: words[$0 / 8] >> UInt64(56 - 8 * ($0 % 8))) }
    }

    package static func < (left: KeyspacePoint, right: KeyspacePoint) -> Bool {
        for index in 0..<4 where left.words[index] != right.words[index] {
            return left.words[index] < right.words[index]
        }
        return false
    }
}
