/// What a rule is called: the prefix of Weir's namespace that it answers for, such as `dockerhub`, `team/hub` or,
/// for a registry that is known without configuration, its host (`ghcr.io`).
///
/// 1 to 64 characters: lower-case letters, digits, `.`, `_`, `-`, `/`, and `:` for a port; parts between slashes are
/// never empty and begin with a letter or digit.
package struct RuleName: Sendable, Hashable, Comparable, CustomStringConvertible {
    package let description: String

    package init(_ text: some StringProtocol) throws(RuleNameError) {
        guard (1...64).contains(text.utf8.count) else { throw .wrongLength }
        for part in text.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false) {
            guard let first = part.first, Self.isLetterOrDigit(first) else { throw .malformed }
            for byte in part where !Self.isLetterOrDigit(byte) && !"._-:".utf8.contains(byte) { throw .malformed }
        }
        description = String(text)
    }

    package static func < (left: RuleName, right: RuleName) -> Bool { left.description < right.description }

    private static func isLetterOrDigit(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
            || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }
}

/// Why a text names no rule.
package enum RuleNameError: Error, Hashable, CustomStringConvertible {
    case wrongLength
    case malformed

    package var description: String {
        switch self {
        case .wrongLength: "a rule's name has 1 to 64 characters"
        case .malformed:
            "a rule's name is lower-case letters, digits, '.', '_', '-' and ':' in parts separated by '/'"
        }
    }
}
