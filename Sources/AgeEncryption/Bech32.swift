/// BIP 173 without its limit of 90 characters, as age writes keys.
enum Bech32 {
    private static let alphabet = Array("qpzry9x8gf2tvdw0s3jn54khce6mua7l".utf8)

    /// The bytes of `text` with the human-readable part `prefix`; nil where it is malformed. All of one case.
    static func decode(_ text: String, prefix: String) -> [UInt8]? {
        guard text.utf8.count <= 1024, text == text.lowercased() || text == text.uppercased() else { return nil }
        let text = Array(text.lowercased().utf8), human = Array(prefix.utf8)
        guard text.starts(with: human), text.count > human.count + 7, text[human.count] == UInt8(ascii: "1") else {
            return nil
        }
        var values: [UInt8] = []
        for byte in text[(human.count + 1)...] {
            guard let value = alphabet.firstIndex(of: byte) else { return nil }
            values.append(UInt8(value))
        }
        guard checksum(human.map { $0 >> 5 } + [0] + human.map { $0 & 31 } + values) == 1 else { return nil }
        return bytes(values.dropLast(6))
    }

    private static func checksum(_ values: [UInt8]) -> UInt32 {
        let generator: [UInt32] = [0x3b6a_57b2, 0x2650_8e6d, 0x1ea1_19fa, 0x3d42_33dd, 0x2a14_62b3]
        var state: UInt32 = 1
        for value in values {
            let top = state >> 25
            state = (state & 0x1ff_ffff) << 5 ^ UInt32(value)
            for (position, term) in generator.enumerated() where top >> UInt32(position) & 1 == 1 { state ^= term }
        }
        return state
    }

    /// Groups of five bits as bytes; nil where what is left over is not zero.
    private static func bytes(_ values: ArraySlice<UInt8>) -> [UInt8]? {
        var result: [UInt8] = []
        var buffer: UInt32 = 0, bits = 0
        for value in values {
            buffer = buffer << 5 | UInt32(value)
            bits += 5
            if bits >= 8 {
                bits -= 8
                result.append(UInt8(truncatingIfNeeded: buffer >> UInt32(bits)))
                buffer &= (1 << UInt32(bits)) - 1
            }
        }
        return bits < 5 && buffer == 0 ? result : nil
    }
}
