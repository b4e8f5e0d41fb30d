extension JSONValue {
    /// As block YAML. Every JSON scalar is a YAML scalar; plain words are written without quotes.
    var yaml: String {
        var text = ""
        writeYAML(to: &text, indent: 0)
        return text
    }

    private func writeYAML(to text: inout String, indent: Int) {
        let margin = String(repeating: "  ", count: indent)
        switch self {
        case .object(let members) where !members.isEmpty:
            for member in members {
                text += "\(margin)\(Self.yamlScalar(member.name)):"
                member.value.writeYAMLValue(to: &text, indent: indent)
            }
        case .array(let values) where !values.isEmpty:
            for value in values {
                text += "\(margin)-"
                value.writeYAMLValue(to: &text, indent: indent)
            }
        default: text += "\(margin)\(inlineYAML)\n"
        }
    }

    private func writeYAMLValue(to text: inout String, indent: Int) {
        switch self {
        case .object(let members) where !members.isEmpty:
            text += "\n"
            writeYAML(to: &text, indent: indent + 1)
        case .array(let values) where !values.isEmpty:
            text += "\n"
            writeYAML(to: &text, indent: indent + 1)
        default: text += " \(inlineYAML)\n"
        }
    }

    private var inlineYAML: String {
        switch self {
        case .null: "null"
        case .bool(let flag): flag ? "true" : "false"
        case .integer(let number): "\(number)"
        case .string(let string): Self.yamlScalar(string)
        case .array: "[]"
        case .object: "{}"
        }
    }

    /// Quoted unless it begins with a letter or `/` and holds nothing that YAML might take for something else.
    private static func yamlScalar(_ string: String) -> String {
        let words: Set<String> = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"]
        guard let first = string.utf8.first, !words.contains(string.lowercased()),
            string.utf8.allSatisfy({ isPlain($0) }), !isDigitOrPunctuation(first), !string.hasSuffix(":")
        else { return quoted(string) }
        return string
    }

    private static func isPlain(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: "._-/".utf8.contains(byte)
        }
    }

    private static func isDigitOrPunctuation(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "/"): false
        default: true
        }
    }
}
