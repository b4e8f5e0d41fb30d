/// Unsigned LEB128 as multiformats defines it: minimal, and 9 bytes at most.
/// <https://github.com/multiformats/unsigned-varint>
package enum Varint {
    /// What `bytes` begin with, or nil where the number's end is not there yet.
    package static func decode(
        _ bytes: some Collection<UInt8>
    ) throws(VarintError) -> (value: UInt64, length: Int)? {
        var value: UInt64 = 0
        var length = 0
        for byte in bytes {
            guard length < lengthMax else { throw .tooLong }
            value |= UInt64(byte & 0x7F) << UInt64(7 * length)
            length += 1
            if byte & 0x80 == 0 {
                guard byte != 0 || length == 1 else { throw .notMinimal }
                return (value, length)
            }
        }
        guard length < lengthMax else { throw .tooLong }
        return nil
    }

    /// - Precondition: `value` is below 2^63, the most that 9 bytes hold.
    package static func encode(_ value: UInt64) -> [UInt8] {
        precondition(value <= UInt64(Int64.max))
        var bytes: [UInt8] = []
        var rest = value
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(truncatingIfNeeded: rest))
        return bytes
    }

    package static func encode(_ count: Int) -> [UInt8] { encode(UInt64(count)) }

    package static let lengthMax = 9
}

package enum VarintError: Error, Hashable, CustomStringConvertible {
    case tooLong
    case notMinimal

    package var description: String {
        switch self {
        case .tooLong: "a number is longer than 9 bytes"
        case .notMinimal: "a number is longer than it need be"
        }
    }
}
