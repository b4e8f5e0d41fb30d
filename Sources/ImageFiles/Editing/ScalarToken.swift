/// Where a scalar's text stands in its file, between quotes where it has them.
struct ScalarToken {
    let range: Range<Int>
    /// Whether the scalar has no quotes, so that a new text has to do without any.
    let isPlain: Bool
    /// Behind the closing quote.
    let end: Int

    /// Nil where the file does not have the text as it is meant, all in one piece: with escapes inside of block
    /// styles, over several lines, or where the parser's mark is not what it should be.
    init?(_ scalar: SourceScalar, in source: SourceText) {
        let bytes = source.bytes
        var position = Self.skipProperties(source, from: scalar.start)
        switch scalar.style {
        case .word: return nil
        case .plain:
            guard source.hasPrefix(scalar.text.utf8, at: position), !scalar.text.isEmpty else { return nil }
            range = position..<position + scalar.text.utf8.count
            isPlain = true
            end = range.upperBound
        case .singleQuoted, .doubleQuoted:
            let quote = scalar.style == .singleQuoted ? UInt8(ascii: "'") : UInt8(ascii: "\"")
            guard position < bytes.count, bytes[position] == quote,
                let close = Self.closingQuote(bytes, from: position + 1, quote: quote)
            else { return nil }
            range = position + 1..<close
            isPlain = false
            end = close + 1
        case .literal, .folded:
            // The header (`>-`, `|2`, a comment) ends with its line; the text is the next line that is not blank.
            guard position < bytes.count, bytes[position] == UInt8(ascii: ">") || bytes[position] == UInt8(ascii: "|")
            else { return nil }
            position = source.lineEnd(of: position)
            while position < bytes.count, Self.isSpaceOrBreak(bytes, position) { position += 1 }
            guard source.hasPrefix(scalar.text.utf8, at: position), !scalar.text.isEmpty else { return nil }
            range = position..<position + scalar.text.utf8.count
            isPlain = false
            end = range.upperBound
        }
    }

    /// `&anchor` and `!tag` in front of a scalar; after them it may stand on a line of its own.
    private static func skipProperties(_ source: SourceText, from start: Int) -> Int {
        let bytes = source.bytes
        var position = start
        while position < bytes.count, bytes[position] == UInt8(ascii: "&") || bytes[position] == UInt8(ascii: "!") {
            while position < bytes.count, !isSpaceOrBreak(bytes, position) { position += 1 }
            position = skipSpace(source, from: position)
        }
        return position
    }

    /// Blanks, breaks and comments.
    static func skipSpace(_ source: SourceText, from start: Int) -> Int {
        let bytes = source.bytes
        var position = start
        while position < bytes.count {
            if isSpaceOrBreak(bytes, position) {
                position += 1
            } else if bytes[position] == UInt8(ascii: "#"), position > start {
                position = source.lineEnd(of: position)
            } else {
                break
            }
        }
        return position
    }

    private static func isSpaceOrBreak(_ bytes: [UInt8], _ position: Int) -> Bool {
        " \t\r\n".utf8.contains(bytes[position])
    }

    private static func closingQuote(_ bytes: [UInt8], from start: Int, quote: UInt8) -> Int? {
        var position = start
        while position < bytes.count {
            if bytes[position] == UInt8(ascii: "\\"), quote == UInt8(ascii: "\"") {
                position += 2
                continue
            }
            if bytes[position] == quote {
                // Two single quotes are one.
                guard quote == UInt8(ascii: "'"), position + 1 < bytes.count, bytes[position + 1] == quote else {
                    return position
                }
                position += 1
            }
            position += 1
        }
        return nil
    }

    /// `*name` as the value of the entry whose key is `key`.
    static func alias(after key: SourceScalar, in source: SourceText) -> Range<Int>? {
        guard let token = ScalarToken(key, in: source) else { return nil }
        var position = token.end
        while position < source.bytes.count, source.bytes[position] == UInt8(ascii: " ") { position += 1 }
        guard source.hasPrefix(":".utf8, at: position) else { return nil }
        position = skipSpace(source, from: position + 1)
        guard source.hasPrefix("*".utf8, at: position) else { return nil }
        let start = position
        while position < source.bytes.count, !" \t\r\n,]}".utf8.contains(source.bytes[position]) { position += 1 }
        return start..<position
    }

    /// `text` as it can stand without quotes; with them where YAML might take it for something else than a text.
    /// - Parameter before: what stood there without quotes; what is in it can stand there.
    static func plain(_ text: String, before: String = "") -> String {
        let first = text.utf8.first ?? 0
        let isLetter = (0x61...0x7A).contains(first | 0x20)
        // `12:30` would be a number; with a slash in it nothing is.
        let isText =
            isLetter
            ? !words.contains(text.lowercased())
            : first == UInt8(ascii: "$") || text.contains("/") && (0x30...0x39).contains(first)
        let present = Set(before.utf8)
        // In a flow collection a brace would end the value.
        let isSafe = text.utf8.allSatisfy { byte in
            (0x30...0x39).contains(byte) || (0x61...0x7A).contains(byte | 0x20) || "._-/:@$+".utf8.contains(byte)
                || present.contains(byte)
        }
        return isText && isSafe && !text.hasSuffix(":") ? text : "\"\(text)\""
    }

    /// YAML 1.1's words for null and truth.
    private static let words: Set<String> = ["null", "true", "false", "yes", "no", "on", "off", "y", "n"]
}
