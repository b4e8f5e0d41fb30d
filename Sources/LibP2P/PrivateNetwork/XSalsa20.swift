package import NIOCore

/// The stream cipher XSalsa20, which libp2p's private networks wrap every byte in. swift-crypto does not have it.
///
/// D. J. Bernstein, "Extending the Salsa20 nonce" (2011). It hides and does not authenticate: Noise does that within.
package struct XSalsa20 {
    package static let keyLength = 32
    package static let nonceLength = 24

    private var state: SalsaBlock
    private var keyStream: [UInt8] = []
    private var used = 0

    /// - Precondition: `key` has 32 bytes and `nonce` 24.
    package init(key: [UInt8], nonce: [UInt8]) {
        precondition(key.count == Self.keyLength && nonce.count == Self.nonceLength)
        let subkey = Self.subkey(key: key, nonce: Array(nonce[..<16]))
        state = SalsaBlock(key: subkey, input: Array(nonce[16...]) + [UInt8](repeating: 0, count: 8))
    }

    /// HSalsa20: a key of its own for the first 16 bytes of a nonce.
    static func subkey(key: [UInt8], nonce: [UInt8]) -> [UInt8] {
        let words = SalsaBlock(key: key, input: nonce).rounds()
        return [0, 5, 10, 15, 6, 7, 8, 9].flatMap { SalsaBlock.bytes(words[$0]) }
    }

    /// XORs all readable bytes of `buffer` with the next bytes of the key stream.
    package mutating func apply(to buffer: inout ByteBuffer) {
        buffer.withUnsafeMutableReadableBytes { bytes in
            for index in bytes.indices {
                if used == keyStream.count {
                    keyStream = state.next()
                    used = 0
                }
                bytes[index] ^= keyStream[used]
                used += 1
            }
        }
    }
}

/// The input block of Salsa20/20.
struct SalsaBlock {
    private var words: [UInt32]

    /// - Parameter input: nonce (8 bytes) and counter (8 bytes, little endian), or for HSalsa20 16 bytes of nonce.
    init(key: [UInt8], input: [UInt8]) {
        let key = Self.words(key)
        let input = Self.words(input)
        // "expand 32-byte k"
        let constants: [UInt32] = [0x6170_7865, 0x3320_646E, 0x7962_2D32, 0x6B20_6574]
        words = [constants[0]] + key[..<4] + [constants[1]] + input + [constants[2]] + key[4...] + [constants[3]]
    }

    /// The next 64 bytes of the key stream.
    mutating func next() -> [UInt8] {
        let mixed = rounds()
        var bytes: [UInt8] = []
        bytes.reserveCapacity(64)
        for index in 0..<16 { bytes += Self.bytes(mixed[index] &+ words[index]) }
        let counter = (UInt64(words[9]) << 32 | UInt64(words[8])) &+ 1
        words[8] = UInt32(truncatingIfNeeded: counter)
        words[9] = UInt32(truncatingIfNeeded: counter >> 32)
        return bytes
    }

    /// Twenty rounds, without adding the input.
    func rounds() -> [UInt32] {
        var words = words
        words.withUnsafeMutableBufferPointer { words in
            for _ in 0..<10 {
                for (a, b, c, d) in Self.quarters {
                    words[b] ^= Self.rotate(words[a] &+ words[d], 7)
                    words[c] ^= Self.rotate(words[b] &+ words[a], 9)
                    words[d] ^= Self.rotate(words[c] &+ words[b], 13)
                    words[a] ^= Self.rotate(words[d] &+ words[c], 18)
                }
            }
        }
        return words
    }

    /// Columns, then rows.
    private static let quarters = [
        (0, 4, 8, 12), (5, 9, 13, 1), (10, 14, 2, 6), (15, 3, 7, 11),
        (0, 1, 2, 3), (5, 6, 7, 4), (10, 11, 8, 9), (15, 12, 13, 14),
    ]

    private static func rotate(_ word: UInt32, _ count: UInt32) -> UInt32 { word << count | word >> (32 - count) }

    private static func words(_ bytes: [UInt8]) -> [UInt32] {
        stride(from: 0, to: bytes.count, by: 4).map { start in
            (0..<4).reduce(0) { $0 | UInt32(bytes[start + $1]) << UInt32(8 * $1) }
        }
    }

    static func bytes(_ word: UInt32) -> [UInt8] {
        (0..<4).map { UInt8(truncatingIfNeeded: word >> UInt32(8 * $0)) }
    }
}
