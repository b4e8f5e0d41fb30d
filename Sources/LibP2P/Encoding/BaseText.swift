/// The text forms of binary identifiers: base58btc, and what a CID may be written in.
package enum BaseText {
    package static let base58 = Alphabet("123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz")
    package static let base36 = Alphabet("0123456789abcdefghijklmnopqrstuvwxyz")

    /// Digits of a positional notation in which leading zero bytes are kept as leading zero digits.
    package struct Alphabet: Sendable {
        private let digits: [UInt8]
        private let values: [UInt8: Int]

        init(_ text: String) {
            digits = Array(text.utf8)
            values = Dictionary(uniqueKeysWithValues: digits.enumerated().map { ($1, $0) })
        }

        package func encode(_ bytes: some Collection<UInt8>) -> String {
            let zeros = bytes.prefix { $0 == 0 }.count
            let converted = Self.convert(bytes.dropFirst(zeros).map { Int($0) }, from: 256, to: digits.count)
            let text = Array(repeating: digits[0], count: zeros) + converted.map { digits[$0] }
            return String(decoding: text, as: UTF8.self)
        }

        /// The bytes `text` stands for; nil where it has a foreign character or more than 128 characters.
        ///
        /// The conversion's cost grows with the square of the length, hence the bound.
        package func decode(_ text: some StringProtocol) -> [UInt8]? {
            guard text.utf8.count <= 128 else { return nil }
            var numbers: [Int] = []
            for byte in text.utf8 {
                guard let value = values[byte] else { return nil }
                numbers.append(value)
            }
            let zeros = numbers.prefix { $0 == 0 }.count
            let converted = Self.convert(Array(numbers.dropFirst(zeros)), from: digits.count, to: 256)
            return Array(repeating: 0, count: zeros) + converted.map { UInt8($0) }
        }

        private static func convert(_ numbers: [Int], from source: Int, to target: Int) -> [Int] {
            // Least significant first while it grows.
            var result: [Int] = []
            for number in numbers {
                var carry = number
                for index in result.indices {
                    carry += result[index] * source
                    result[index] = carry % target
                    carry /= target
                }
                while carry > 0 {
                    result.append(carry % target)
                    carry /= target
                }
            }
            return result.reversed()
        }
    }

    /// RFC 4648 base32 in lower case without padding; nil where it has a foreign character or is longer than 128.
    package static func decodeBase32(_ text: some StringProtocol) -> [UInt8]? {
        guard text.utf8.count <= 128 else { return nil }
        var bytes: [UInt8] = []
        var bits = 0
        var held: UInt32 = 0
        for byte in text.utf8 {
            let digit: UInt8
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"): digit = byte - UInt8(ascii: "a")
            case UInt8(ascii: "2")...UInt8(ascii: "7"): digit = byte - UInt8(ascii: "2") + 26
            default: return nil
            }
            held = held << 5 | UInt32(digit)
            bits += 5
            if bits >= 8 {
                bits -= 8
                bytes.append(UInt8(truncatingIfNeeded: held >> UInt32(bits)))
            }
        }
        // What is left is padding, and has to be zero.
        guard bits < 5, held & (1 << UInt32(bits) - 1) == 0 else { return nil }
        return bytes
    }

    package static func encodeBase32(_ bytes: some Collection<UInt8>) -> String {
        let digits = Array("abcdefghijklmnopqrstuvwxyz234567".utf8)
        var text: [UInt8] = []
        var bits = 0
        var held: UInt32 = 0
        for byte in bytes {
            held = held << 8 | UInt32(byte)
            bits += 8
            while bits >= 5 {
                bits -= 5
                text.append(digits[Int(held >> UInt32(bits) & 31)])
            }
        }
        if bits > 0 { text.append(digits[Int(held << UInt32(5 - bits) & 31)]) }
        return String(decoding: text, as: UTF8.self)
    }
}
