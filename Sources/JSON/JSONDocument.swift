/// A JSON text (RFC 8259) that was checked whole, and is read where it stands.
///
/// Nothing is decoded before it is asked for: what a reader does not look at costs its bytes and no more, and what it
/// hands on it hands on as it came. Of members with the same name the last one counts, as in Go's decoder.
package struct JSONDocument: Sendable {
    /// What is refused beyond.
    package struct Limits: Sendable, Hashable {
        package var bytes: Int
        /// Arrays and objects within each other.
        package var depth: Int
        /// Values and names together.
        package var values: Int

        package init(bytes: Int = 8 << 20, depth: Int = 128, values: Int = 500_000) {
            self.bytes = bytes
            self.depth = depth
            self.values = values
        }
    }

    enum Kind: UInt8 { case null, bool, number, string, escapedString, array, object }

    /// A value, or a member's name, in the order of the text. A container's content follows it.
    struct Entry {
        var kind: Kind
        /// Of a string between its quotes.
        var start: Int32
        var end: Int32
        /// The entry after this value and everything in it.
        var next: Int32
    }

    let bytes: [UInt8]
    let entries: [Entry]

    package init(_ bytes: [UInt8], limits: Limits = Limits()) throws(JSONError) {
        guard bytes.count <= min(limits.bytes, Int(Int32.max) - 1) else { throw .tooLarge(limitBytes: limits.bytes) }
        guard (try? UTF8Span(validating: bytes.span)) != nil else { throw .notUTF8 }
        var parser = JSONParser(bytes, limits: limits)
        entries = try parser.parse()
        self.bytes = bytes
    }

    package var root: JSONNode { JSONNode(document: self, index: 0) }
}

/// Why bytes are no JSON that is read.
package enum JSONError: Error, Hashable, CustomStringConvertible {
    case tooLarge(limitBytes: Int)
    case tooDeep(limit: Int)
    case tooManyValues(limit: Int)
    case notUTF8
    /// What stands there is no JSON; counted in bytes from 0.
    case malformed(offset: Int)

    package var description: String {
        switch self {
        case .tooLarge(let limit): "it is larger than \(limit) bytes"
        case .tooDeep(let limit): "it is nested more than \(limit) deep"
        case .tooManyValues(let limit): "it has more than \(limit) values"
        case .notUTF8: "it is not UTF-8"
        case .malformed(let offset): "it is no JSON at byte \(offset)"
        }
    }
}
