/// A name that a repository gives to one of its manifests, and may move.
///
/// OCI Distribution 1.1: `[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}`.
package struct Tag: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// The longest tag accepted, in bytes.
    package static let lengthLimit = 128
    /// The tag that Docker assumes where a reference names none.
    package static let latest = Tag(wellFormed: "latest")

    package let description: String

    package init(_ text: some StringProtocol) throws(TagError) {
        guard text.utf8.count <= Self.lengthLimit else { throw .tooLong(limit: Self.lengthLimit) }
        try self.init(parsing: String(text))
    }

    /// Not generic, and over contiguous bytes: a tag is parsed with many a request.
    private init(parsing text: String) throws(TagError) {
        var text = text
        if let error = text.withUTF8({ Self.error(in: $0) }) { throw error }
        description = text
    }

    private static func error(in bytes: UnsafeBufferPointer<UInt8>) -> TagError? {
        guard let first = bytes.first else { return .empty }
        if first == UInt8(ascii: ".") || first == UInt8(ascii: "-") { return .malformed }
        for byte in bytes {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "."), UInt8(ascii: "-"):
                continue
            default: return .malformed
            }
        }
        return nil
    }

    private init(wellFormed text: String) { description = text }

    /// The tag under which a registry without the referrers API lists what refers to `subject`.
    ///
    /// OCI Distribution 1.1, "Referrers Tag Schema": the algorithm cut to 32 characters, the hexadecimal to 64.
    package init(referrersOf subject: Digest) {
        description = "\(subject.algorithm.rawValue.prefix(32))-\(subject.hex.prefix(64))"
    }

    package static func < (left: Tag, right: Tag) -> Bool { left.description < right.description }
}

/// Why a text is no tag.
package enum TagError: Error, Hashable, CustomStringConvertible {
    case empty
    case tooLong(limit: Int)
    case malformed

    package var description: String {
        switch self {
        case .empty: "the tag is empty"
        case .tooLong(let limit): "the tag is longer than \(limit) characters"
        case .malformed: "a tag is letters, digits, '_', '.' and '-', and begins with neither '.' nor '-'"
        }
    }
}
