/// The path of a repository within its registry, such as `library/nginx`.
///
/// OCI Distribution 1.1, "Pulling manifests": components of lower-case letters and digits, joined by `.`, `_`, `__`
/// or dashes, separated by `/`. At most 255 bytes, so that no client's `HOST/NAME` grows past common limits.
package struct RepositoryName: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// The longest name accepted, in bytes.
    package static let lengthLimit = 255

    package let description: String

    package init(_ text: some StringProtocol) throws(RepositoryNameError) { try self.init(parsing: String(text)) }

    /// Not generic, and over contiguous bytes: a name is parsed with every request.
    private init(parsing text: String) throws(RepositoryNameError) {
        guard !text.isEmpty else { throw .empty }
        guard text.utf8.count <= Self.lengthLimit else { throw .tooLong(limit: Self.lengthLimit) }
        var text = text
        guard text.withUTF8({ Self.isPath($0) }) else { throw .malformedComponent }
        description = text
    }

    /// The components between slashes; never empty.
    package var components: [Substring] { description.split(separator: "/") }

    package static func < (left: RepositoryName, right: RepositoryName) -> Bool {
        left.description < right.description
    }

    /// The last thing seen of a component. Only ``word`` may end one; every separator must return to it.
    private enum ComponentState { case start, word, dot, underscore, twoUnderscores, dashes }

    /// Components of `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*`, separated by slashes.
    private static func isPath(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        var state = ComponentState.start
        for byte in bytes {
            switch (byte, state) {
            case (UInt8(ascii: "a")...UInt8(ascii: "z"), _), (UInt8(ascii: "0")...UInt8(ascii: "9"), _): state = .word
            case (UInt8(ascii: "/"), .word): state = .start
            case (UInt8(ascii: "."), .word): state = .dot
            case (UInt8(ascii: "_"), .word): state = .underscore
            case (UInt8(ascii: "_"), .underscore): state = .twoUnderscores
            case (UInt8(ascii: "-"), .word), (UInt8(ascii: "-"), .dashes): state = .dashes
            default: return false
            }
        }
        return state == .word
    }
}

/// Why a text is no repository name.
package enum RepositoryNameError: Error, Hashable, CustomStringConvertible {
    case empty
    case tooLong(limit: Int)
    case malformedComponent

    package var description: String {
        switch self {
        case .empty: "the repository name is empty"
        case .tooLong(let limit): "the repository name is longer than \(limit) bytes"
        case .malformedComponent:
            "each part of a repository name is lower-case letters and digits, joined by '.', '_', '__' or '-'"
        }
    }
}
