internal import Crypto
package import LibP2P

/// A place in the space of 256 bits in which peers and keys lie: the SHA-256 of a peer ID or a key.
package struct KeyspacePoint: Sendable, Hashable, Comparable {
    // Most significant first. Four numbers and no SIMD4: that wants an alignment of 32 bytes, which the memory of tasks
    // does not give, and values of it in asynchronous functions then crash.
    private let word0: UInt64
    private let word1: UInt64
    private let word2: UInt64
    private let word3: UInt64

    private init(_ word0: UInt64, _ word1: UInt64, _ word2: UInt64, _ word3: UInt64) {
        self.word0 = word0
        self.word1 = word1
        self.word2 = word2
        self.word3 = word3
    }

    package init(hashing bytes: some Sequence<UInt8>) {
        let digest = SHA256.hash(data: Array(bytes))
        self = digest.withUnsafeBytes { bytes in
            func word(_ index: Int) -> UInt64 {
                UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 8 * index, as: UInt64.self))
            }
            return KeyspacePoint(word(0), word(1), word(2), word(3))
        }
    }

    package init(_ peer: PeerID) { self.init(hashing: peer.bytes) }

    /// XOR: the distance as a number.
    package func distance(to other: KeyspacePoint) -> KeyspacePoint {
        KeyspacePoint(word0 ^ other.word0, word1 ^ other.word1, word2 ^ other.word2, word3 ^ other.word3)
    }

    package var leadingZeroBitCount: Int {
        if word0 != 0 { return word0.leadingZeroBitCount }
        if word1 != 0 { return 64 + word1.leadingZeroBitCount }
        if word2 != 0 { return 128 + word2.leadingZeroBitCount }
        return 192 + word3.leadingZeroBitCount
    }

    /// How many bits both have in common at their beginning.
    package func commonPrefixLength(with other: KeyspacePoint) -> Int { distance(to: other).leadingZeroBitCount }

    package var bytes: [UInt8] {
        [word0, word1, word2, word3].flatMap { word in
            (0..<8).map { UInt8(truncatingIfNeeded: word >> UInt64(56 - 8 * $0)) }
        }
    }

    package static func < (left: KeyspacePoint, right: KeyspacePoint) -> Bool {
        if left.word0 != right.word0 { return left.word0 < right.word0 }
        if left.word1 != right.word1 { return left.word1 < right.word1 }
        if left.word2 != right.word2 { return left.word2 < right.word2 }
        return left.word3 < right.word3
    }
}
