extension TagClass {
    /// Reads `tag` as people write tags. In doubt the class that is asked about more often.
    static func classify(_ tag: String) -> TagClass {
        let words = tag.utf8.split { $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "_") }.map { Substring($0) }
        guard let first = words.first else { return .moving }
        if isSignature(words) { return .moving }
        if containsDate(Array(tag.utf8)) || words.contains(where: isCommit) { return .exact }
        // `2019-latest`, `1.2.3-SNAPSHOT`: a version is there, and moves all the same.
        if words.contains(where: { movingWords.contains($0.lowercased()) }) { return .moving }
        // `stable-alpine3.19` is the stable one on Alpine 3.19; its version is not said.
        if channelWords.contains(first.lowercased()) { return .moving }
        // Builds by number or by seconds since 1970.
        if isDigits(first), first.utf8.count >= 8 { return .exact }
        if let version = version(in: first, isFirst: true) { return version }
        return words.dropFirst().lazy.compactMap { version(in: $0, isFirst: false) }.first ?? .moving
    }

    private static let movingWords: Set<String> = [
        "latest", "snapshot", "nightly", "daily", "edge", "canary", "rolling", "unstable", "dev", "main", "master",
        "head",
    ]

    /// Names of channels, where they stand first.
    private static let channelWords: Set<String> = [
        "stable", "lts", "mainline", "current", "next", "testing", "develop", "development", "trunk", "alpha", "beta",
        "rc", "preview",
    ]

    /// Reads `1`, `v1.27`, `1.27.3`, and with letters before it and a dot in it `alpine3.19`. Only the first word may
    /// be a bare number: `arm64` and the `64` of `x86_64` are none.
    private static func version(in word: Substring, isFirst: Bool) -> TagClass? {
        let letters = word.utf8.prefix { isLetter($0) }
        let parts = word.utf8[letters.endIndex...].split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard let major = parts.first, major.first.map(isDigit) == true else { return nil }
        let isMarked = letters.isEmpty || letters.elementsEqual("v".utf8) || letters.elementsEqual("V".utf8)
        guard parts.count > 1 || (isFirst && isMarked) else { return nil }
        return parts.count >= 3 && parts[2].first.map(isDigit) == true ? .exact : .minor
    }

    /// `sha256-<64 hexadecimal digits>`, alone or followed by `.sig`, `.att` or `.sbom`: what refers to an image, by
    /// cosign's custom or by OCI Distribution 1.1, "Referrers Tag Schema".
    private static func isSignature(_ words: [Substring]) -> Bool {
        words.count >= 2 && (words[0] == "sha256" || words[0] == "sha512")
            && words[1].utf8.prefix(64).filter(isHexadecimal).count == 64
    }

    /// Seven to forty hexadecimal digits with at least one letter and one digit, so that neither `1234567` nor
    /// `defaced` counts; with a `g` before them, as `git describe` writes it, or without.
    private static func isCommit(_ word: Substring) -> Bool {
        let digits = word.utf8.first == UInt8(ascii: "g") ? word.utf8.dropFirst() : word.utf8[...]
        return (7...40).contains(digits.count) && digits.allSatisfy(isHexadecimal) && digits.contains(where: isDigit)
            && digits.contains(where: isLetter)
    }

    /// A year from 1990 to 2099, a month and a day, together or parted by the same one of `-`, `.`, `_`; after a
    /// compact date a time of day may follow at once.
    private static func containsDate(_ tag: [UInt8]) -> Bool {
        tag.indices.contains { start in
            guard start == 0 || !isDigit(tag[start - 1]), let year = number(tag, at: start, count: 4),
                (1990...2099).contains(year), start + 4 < tag.count
            else { return false }
            let separator = isDigit(tag[start + 4]) ? nil : tag[start + 4]
            guard separator.map({ "-._".utf8.contains($0) }) != false else { return false }
            let monthStart = start + (separator == nil ? 4 : 5)
            guard let month = number(tag, at: monthStart, count: 2), (1...12).contains(month) else { return false }
            var dayStart = monthStart + 2
            if let separator {
                guard dayStart < tag.count, tag[dayStart] == separator else { return false }
                dayStart += 1
            }
            guard let day = number(tag, at: dayStart, count: 2), (1...31).contains(day) else { return false }
            let digitsAfter = tag[(dayStart + 2)...].prefix(while: isDigit).count
            return digitsAfter == 0 || (separator == nil && (digitsAfter == 4 || digitsAfter == 6))
        }
    }

    private static func number(_ text: [UInt8], at start: Int, count: Int) -> Int? {
        guard start + count <= text.count else { return nil }
        var value = 0
        for byte in text[start..<start + count] {
            guard isDigit(byte) else { return nil }
            value = value * 10 + Int(byte - UInt8(ascii: "0"))
        }
        return value
    }

    private static func isDigits(_ text: Substring) -> Bool { !text.isEmpty && text.utf8.allSatisfy(isDigit) }

    private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }

    private static func isLetter(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
    }

    private static func isHexadecimal(_ byte: UInt8) -> Bool {
        isDigit(byte) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte)
    }
}
