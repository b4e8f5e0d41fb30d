/// Reads JSON (RFC 8259), keeping where everything stands. libyaml does not know all of it: half of an escaped
/// surrogate pair is an error to it, and so is a long key.
struct JSONReader {
    private static let depthLimit = YAMLReader.depthLimit

    private let source: SourceText
    private var position: Int

    /// One value after another, as `kubectl` writes them.
    static func documents(_ source: SourceText) throws(ImageFileError) -> [SourceNode] {
        var reader = JSONReader(source: source, position: source.textStart)
        var documents: [SourceNode] = []
        reader.skipSpace()
        while reader.position < source.bytes.count {
            documents.append(try reader.value(depth: 0))
            reader.skipSpace()
        }
        return documents
    }

    private func failure(_ reason: String) -> ImageFileError {
        let line = source.line(of: position)
        return .malformed(
            line: line, column: position - source.lineStart(of: position) + 1, reason: "no JSON: \(reason)")
    }

    private var current: UInt8? { position < source.bytes.count ? source.bytes[position] : nil }

    private mutating func skipSpace() {
        while let byte = current, byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D { position += 1 }
    }

    private mutating func expect(_ byte: UInt8) throws(ImageFileError) {
        guard current == byte else { throw failure("expected '\(Character(Unicode.Scalar(byte)))'") }
        position += 1
    }

    private mutating func value(depth: Int) throws(ImageFileError) -> SourceNode {
        guard depth <= Self.depthLimit else { throw .tooDeep(limit: Self.depthLimit) }
        switch current {
        case UInt8(ascii: "{"): return try map(depth: depth)
        case UInt8(ascii: "["): return try list(depth: depth)
        case UInt8(ascii: "\""): return .scalar(try string())
        default: return .scalar(try word())
        }
    }

    private mutating func map(depth: Int) throws(ImageFileError) -> SourceNode {
        try expect(UInt8(ascii: "{"))
        var entries: [SourceEntry] = []
        var names: Set<String> = []
        skipSpace()
        while current != UInt8(ascii: "}") {
            if !entries.isEmpty {
                try expect(UInt8(ascii: ","))
                skipSpace()
            }
            let key = try string()
            guard names.insert(key.text).inserted else {
                throw .duplicateKey(line: source.line(of: key.start), key: String(key.text.prefix(80)))
            }
            skipSpace()
            try expect(UInt8(ascii: ":"))
            skipSpace()
            entries.append(SourceEntry(key: key, value: try value(depth: depth + 1), isAlias: false))
            skipSpace()
        }
        position += 1
        return .map(entries)
    }

    private mutating func list(depth: Int) throws(ImageFileError) -> SourceNode {
        try expect(UInt8(ascii: "["))
        var items: [SourceItem] = []
        skipSpace()
        while current != UInt8(ascii: "]") {
            if !items.isEmpty {
                try expect(UInt8(ascii: ","))
                skipSpace()
            }
            items.append(SourceItem(node: try value(depth: depth + 1), isAlias: false))
            skipSpace()
        }
        position += 1
        return .list(items)
    }

    private mutating func word() throws(ImageFileError) -> SourceScalar {
        let start = position
        while let byte = current, isWordByte(byte) { position += 1 }
        let text = String(decoding: source.bytes[start..<position], as: UTF8.self)
        guard ["true", "false", "null"].contains(text) || Double(text) != nil else {
            position = start
            throw failure("expected a value")
        }
        return SourceScalar(text: text, start: start, style: .word)
    }

    private func isWordByte(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
            || byte == UInt8(ascii: "+") || byte == UInt8(ascii: "-") || byte == UInt8(ascii: ".")
    }

    private mutating func string() throws(ImageFileError) -> SourceScalar {
        let start = position
        try expect(UInt8(ascii: "\""))
        var units: [UInt8] = []
        while let byte = current, byte != UInt8(ascii: "\"") {
            guard byte >= 0x20 else { throw failure("a control character in a text") }
            position += 1
            if byte == UInt8(ascii: "\\") { try escape(into: &units) } else { units.append(byte) }
        }
        try expect(UInt8(ascii: "\""))
        return SourceScalar(text: String(decoding: units, as: UTF8.self), start: start, style: .doubleQuoted)
    }

    private mutating func escape(into units: inout [UInt8]) throws(ImageFileError) {
        guard let byte = current else { throw failure("a text without end") }
        position += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): units.append(byte)
        case UInt8(ascii: "b"): units.append(8)
        case UInt8(ascii: "f"): units.append(12)
        case UInt8(ascii: "n"): units.append(10)
        case UInt8(ascii: "r"): units.append(13)
        case UInt8(ascii: "t"): units.append(9)
        case UInt8(ascii: "u"):
            var value = try hexadecimal()
            if (0xD800..<0xDC00).contains(value), source.hasPrefix("\\u".utf8, at: position) {
                position += 2
                let low = try hexadecimal()
                value = (0xDC00..<0xE000).contains(low) ? 0x10000 + (value - 0xD800) << 10 + (low - 0xDC00) : 0xFFFD
            }
            units += Array(String(Unicode.Scalar(value) ?? "\u{FFFD}").utf8)
        default: throw failure("an unknown escape")
        }
    }

    private mutating func hexadecimal() throws(ImageFileError) -> UInt32 {
        let digits = source.bytes[position..<min(position + 4, source.bytes.count)]
        guard digits.count == 4, digits.allSatisfy({ Character(Unicode.Scalar($0)).isHexDigit }),
            let value = UInt32(String(decoding: digits, as: UTF8.self), radix: 16)
        else { throw failure("an escape has four hexadecimal digits") }
        position += 4
        return value
    }
}
