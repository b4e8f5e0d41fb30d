/// Texts as JSON writes them (RFC 8259, section 7).
package enum JSONText {
    /// Appends `text` in quotes.
    package static func append(_ text: String, to bytes: inout [UInt8]) {
        bytes.append(UInt8(ascii: "\""))
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                bytes.append(UInt8(ascii: "\\"))
                bytes.append(byte)
            case 0x0A: bytes.append(contentsOf: "\\n".utf8)
            case 0x0D: bytes.append(contentsOf: "\\r".utf8)
            case 0x09: bytes.append(contentsOf: "\\t".utf8)
            case 0x00..<0x20, 0x7F:
                bytes.append(contentsOf: "\\u00".utf8)
                bytes.append(digits[Int(byte >> 4)])
                bytes.append(digits[Int(byte & 15)])
            default: bytes.append(byte)
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }

    private static let digits = Array("0123456789abcdef".utf8)

    /// What stands between the quotes of a string that was checked. Half of a surrogate pair becomes U+FFFD, as in Go.
    static func unescaped(_ text: ArraySlice<UInt8>) -> String {
        var units: [UInt8] = []
        units.reserveCapacity(text.count)
        var position = text.startIndex
        while position < text.endIndex {
            let byte = text[position]
            position += 1
            guard byte == UInt8(ascii: "\\"), position < text.endIndex else {
                units.append(byte)
                continue
            }
            let kind = text[position]
            position += 1
            switch kind {
            case UInt8(ascii: "b"): units.append(8)
            case UInt8(ascii: "f"): units.append(12)
            case UInt8(ascii: "n"): units.append(10)
            case UInt8(ascii: "r"): units.append(13)
            case UInt8(ascii: "t"): units.append(9)
            case UInt8(ascii: "u"): units.append(contentsOf: scalar(text, at: &position).utf8)
            default: units.append(kind)
            }
        }
        return String(decoding: units, as: UTF8.self)
    }

    private static func scalar(_ text: ArraySlice<UInt8>, at position: inout Int) -> String {
        guard var value = hexadecimal(text, at: position) else { return "\u{FFFD}" }
        position += 4
        if (0xD800..<0xDC00).contains(value), position + 1 < text.endIndex, text[position] == UInt8(ascii: "\\"),
            text[position + 1] == UInt8(ascii: "u"), let low = hexadecimal(text, at: position + 2),
            (0xDC00..<0xE000).contains(low)
        {
            position += 6
            value = 0x10000 + (value - 0xD800) << 10 + (low - 0xDC00)
        }
        return String(Character(Unicode.Scalar(value) ?? "\u{FFFD}"))
    }

    /// Four hexadecimal digits at `position`, nil for anything else.
    static func hexadecimal(_ text: ArraySlice<UInt8>, at position: Int) -> UInt32? {
        guard position + 4 <= text.endIndex else { return nil }
        var value: UInt32 = 0
        for byte in text[position..<position + 4] {
            switch byte {
            case 0x30...0x39: value = value << 4 | UInt32(byte - 0x30)
            case 0x41...0x46: value = value << 4 | UInt32(byte - 0x37)
            case 0x61...0x66: value = value << 4 | UInt32(byte - 0x57)
            default: return nil
            }
        }
        return value
    }
}

/// Writes JSON that no reader has to guess at: members in the order they are given.
package struct JSONWriter {
    package private(set) var bytes: [UInt8] = []
    private var needsComma = false

    package init() { bytes.reserveCapacity(512) }

    package mutating func object(_ content: (inout JSONWriter) -> Void) { container("{", "}", content) }
    package mutating func array(_ content: (inout JSONWriter) -> Void) { container("[", "]", content) }

    package mutating func name(_ name: String) {
        string(name)
        bytes.append(UInt8(ascii: ":"))
        needsComma = false
    }

    package mutating func string(_ text: String) {
        separate()
        JSONText.append(text, to: &bytes)
    }

    package mutating func bool(_ flag: Bool) {
        separate()
        bytes.append(contentsOf: (flag ? "true" : "false").utf8)
    }

    package mutating func integer(_ number: Int) {
        separate()
        bytes.append(contentsOf: String(number).utf8)
    }

    private mutating func container(
        _ open: Unicode.Scalar, _ close: Unicode.Scalar, _ content: (inout JSONWriter) -> Void
    ) {
        separate()
        bytes.append(UInt8(ascii: open))
        needsComma = false
        content(&self)
        bytes.append(UInt8(ascii: close))
        needsComma = true
    }

    private mutating func separate() {
        if needsComma { bytes.append(UInt8(ascii: ",")) }
        needsComma = true
    }
}
