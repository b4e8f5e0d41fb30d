/// A JSON value whose members keep their order, for the schema and for what `weir config show` prints.
indirect enum JSONValue: Equatable, Sendable {
    case null
    case bool(Bool)
    case integer(Int)
    case string(String)
    case array([JSONValue])
    case object([Member])

    struct Member: Equatable, Sendable {
        var name: String
        var value: JSONValue

        init(_ name: String, _ value: JSONValue) {
            self.name = name
            self.value = value
        }
    }

    /// Indented by two spaces, members one to a line, with a newline at the end.
    var text: String {
        var text = ""
        write(to: &text, indent: 0)
        return text + "\n"
    }

    private func write(to text: inout String, indent: Int) {
        switch self {
        case .null: text += "null"
        case .bool(let flag): text += flag ? "true" : "false"
        case .integer(let number): text += "\(number)"
        case .string(let string): text += Self.quoted(string)
        case .array(let values):
            if values.isEmpty {
                text += "[]"
                return
            }
            let isShort = values.allSatisfy(\.isScalar) && values.count <= 12
            Self.writeList(values, to: &text, open: "[", close: "]", indent: indent, isShort: isShort) {
                value, text, indent in value.write(to: &text, indent: indent)
            }
        case .object(let members):
            if members.isEmpty {
                text += "{}"
                return
            }
            Self.writeList(members, to: &text, open: "{", close: "}", indent: indent, isShort: false) {
                member, text, indent in
                text += "\(Self.quoted(member.name)): "
                member.value.write(to: &text, indent: indent)
            }
        }
    }

    private var isScalar: Bool {
        switch self {
        case .array, .object: false
        default: true
        }
    }

    private static func writeList<Item>(
        _ items: [Item], to text: inout String, open: String, close: String, indent: Int, isShort: Bool,
        write: (Item, inout String, Int) -> Void
    ) {
        let inner = isShort ? "" : "\n" + String(repeating: "  ", count: indent + 1)
        text += open + inner
        for (position, item) in items.enumerated() {
            if position > 0 { text += "," + (isShort ? " " : inner) }
            write(item, &text, indent + 1)
        }
        text += isShort ? close : "\n" + String(repeating: "  ", count: indent) + close
    }

    /// `string` in quotes, escaped as RFC 8259, section 7 wants it; also good as a double-quoted YAML scalar.
    static func quoted(_ string: String) -> String {
        var text = "\""
        for scalar in string.unicodeScalars {
            switch scalar {
            case "\"": text += "\\\""
            case "\\": text += "\\\\"
            case "\n": text += "\\n"
            case "\r": text += "\\r"
            case "\t": text += "\\t"
            default:
                if scalar.value < 0x20 || scalar.value == 0x7F {
                    let hex = String(scalar.value, radix: 16)
                    text += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
                } else {
                    text.unicodeScalars.append(scalar)
                }
            }
        }
        return text + "\""
    }
}
