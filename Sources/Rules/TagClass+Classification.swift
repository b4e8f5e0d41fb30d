extension TagClass {
    /// Reads `tag` as a version. What comes after the version (`-alpine`, `-rc1`) does not change its class.
    static func classify(_ tag: String) -> TagClass {
        let words = tag.split(separator: "-", omittingEmptySubsequences: false)
        // Builds named after their commit: `sha-3f2c1ab`, `main-3f2c1ab09d`, or the commit alone.
        if let last = words.last, isCommit(last), words.count > 1 || last.utf8.count >= 12 { return .exact }
        guard let first = words.first else { return .moving }
        // Dates: 20240131, 2024-01-31, 2024.01.31
        if isDigits(first), first.utf8.count >= 8 { return .exact }
        if words.count >= 3, words[0].utf8.count == 4, words[..<3].allSatisfy(isDigits) { return .exact }
        let version = first.hasPrefix("v") || first.hasPrefix("V") ? first.dropFirst() : first
        let parts = version.split(separator: ".", omittingEmptySubsequences: false)
        guard let major = parts.first, startsWithDigit(major) else { return .moving }
        guard isDigits(major) || parts.count == 1 else { return .moving }
        return parts.count >= 3 && startsWithDigit(parts[2]) ? .exact : .minor
    }

    private static func isDigits(_ text: Substring) -> Bool {
        !text.isEmpty && text.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
    }

    private static func startsWithDigit(_ text: Substring) -> Bool {
        text.utf8.first.map { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) } ?? false
    }

    /// Seven to forty hexadecimal digits with at least one letter and one digit, so that neither `1234567` nor
    /// `defaced` counts.
    private static func isCommit(_ text: Substring) -> Bool {
        guard (7...40).contains(text.utf8.count) else { return false }
        var hasDigit = false
        var hasLetter = false
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): hasDigit = true
            case UInt8(ascii: "a")...UInt8(ascii: "f"): hasLetter = true
            default: return false
            }
        }
        return hasDigit && hasLetter
    }
}

/// Whether `text` matches `pattern`, in which `*` stands for any run of characters, none included.
/// Takes time in proportion to the product of both lengths at worst; there is no back-tracking beyond the last `*`.
package func matches(_ text: some StringProtocol, pattern: some StringProtocol) -> Bool {
    let text = Array(text.utf8)
    let pattern = Array(pattern.utf8)
    var position = 0
    var token = 0
    var star: (token: Int, position: Int)?
    while position < text.count {
        if token < pattern.count, pattern[token] == UInt8(ascii: "*") {
            star = (token, position)
            token += 1
        } else if token < pattern.count, pattern[token] == text[position] {
            token += 1
            position += 1
        } else if let last = star {
            star = (last.token, last.position + 1)
            token = last.token + 1
            position = last.position + 1
        } else {
            return false
        }
    }
    return pattern[token...].allSatisfy { $0 == UInt8(ascii: "*") }
}
