internal import ImageRewriting

/// Which values of a file are encrypted, by the keys that lead to them. At most one rule; without any, all but those
/// under a key that ends in `_unencrypted`. getsops/sops, `shouldBeEncrypted`.
enum SOPSSelection {
    case unencryptedSuffix(String)
    case encryptedSuffix(String)
    case unencryptedPattern(Pattern)
    case encryptedPattern(Pattern)

    init(
        unencryptedSuffix: String?, encryptedSuffix: String?, unencryptedRegex: String?, encryptedRegex: String?
    ) throws(SOPSError) {
        let given = [unencryptedSuffix, encryptedSuffix, unencryptedRegex, encryptedRegex].compactMap(\.self)
        guard given.count <= 1 else { throw SOPSError(.malformedMetadata("encrypted_regex")) }
        if let encryptedSuffix {
            self = .encryptedSuffix(encryptedSuffix)
        } else if let unencryptedRegex {
            self = .unencryptedPattern(try Self.pattern(unencryptedRegex, "unencrypted_regex"))
        } else if let encryptedRegex {
            self = .encryptedPattern(try Self.pattern(encryptedRegex, "encrypted_regex"))
        } else {
            self = .unencryptedSuffix(unencryptedSuffix ?? "_unencrypted")
        }
    }

    private static func pattern(_ text: String, _ field: String) throws(SOPSError) -> Pattern {
        do {
            return try Pattern(text)
        } catch {
            throw SOPSError(.malformedMetadata(field))
        }
    }

    /// - Parameter path: the keys that lead to the value; a list's items have those of the list.
    func isEncrypted(_ path: [String]) -> Bool {
        switch self {
        case .unencryptedSuffix(let suffix): !path.contains { $0.hasSuffix(suffix) }
        case .encryptedSuffix(let suffix): path.contains { $0.hasSuffix(suffix) }
        case .unencryptedPattern(let pattern): !path.contains { pattern.matches(PatternInput($0)) }
        case .encryptedPattern(let pattern): path.contains { pattern.matches(PatternInput($0)) }
        }
    }
}
