/// Reads the fields of one protobuf message in their order.
///
/// Own code rather than a library: the messages of peers and of containerd are few and small, and a generator would not
/// bound what it allocates. Nothing is copied and nothing allocated; who reads bounds how many entries of a repeated field
/// are kept. Unknown fields are passed over, groups are refused.
/// <https://protobuf.dev/programming-guides/encoding/>
package struct ProtobufReader {
    package enum Value: Hashable {
        case varint(UInt64)
        case bytes(ArraySlice<UInt8>)
        /// A field of four or eight bytes, which none of our messages has.
        case fixed
    }

    private var rest: ArraySlice<UInt8>

    package init(_ bytes: ArraySlice<UInt8>) { rest = bytes }

    package init(_ bytes: [UInt8]) { rest = bytes[...] }

    /// The next field, or nil at the end of the message.
    package mutating func next() throws(ProtobufError) -> (number: UInt64, value: Value)? {
        guard !rest.isEmpty else { return nil }
        let tag = try readVarint()
        let number = tag >> 3
        guard number > 0, number < 1 << 29 else { throw .malformed }
        switch tag & 7 {
        case 0: return (number, .varint(try readVarint()))
        case 1: return (number, try skip(8))
        case 2:
            let length = try readVarint()
            guard length <= UInt64(rest.count) else { throw .truncated }
            let bytes = rest.prefix(Int(length))
            rest = rest.dropFirst(Int(length))
            return (number, .bytes(bytes))
        case 5: return (number, try skip(4))
        default: throw .malformed
        }
    }

    private mutating func skip(_ count: Int) throws(ProtobufError) -> Value {
        guard rest.count >= count else { throw .truncated }
        rest = rest.dropFirst(count)
        return .fixed
    }

    /// Other than multiformats, protobuf allows 10 bytes (negative numbers) and forms that are not minimal.
    private mutating func readVarint() throws(ProtobufError) -> UInt64 {
        var value: UInt64 = 0
        for index in 0..<10 {
            guard let byte = rest.popFirst() else { throw .truncated }
            value |= UInt64(byte & 0x7F) << UInt64(7 * index)
            if byte & 0x80 == 0 { return value }
        }
        throw .malformed
    }
}

package enum ProtobufError: Error, Hashable, CustomStringConvertible {
    case truncated
    case malformed

    package var description: String {
        switch self {
        case .truncated: "a message ends in the middle of a field"
        case .malformed: "a message is not protobuf"
        }
    }
}
