internal import Logging

/// A log event as one line of text. Nothing that comes from outside can break a line or forge another.
enum LogLine {
    /// `TIME LEVEL message key=value …`, keys in order.
    static func text(
        time: String, level: Logger.Level, message: String, metadata: Logger.Metadata
    ) -> String {
        var line = "\(time) \(level.rawValue.uppercased().padded(to: 7)) \(escaped(message))"
        for (key, value) in metadata.sorted(by: { $0.key < $1.key }) {
            line += " \(escaped(key))=\(textValue(value))"
        }
        return line + "\n"
    }

    /// One JSON object: `time`, `level`, `message`, then the metadata under its own names.
    static func json(
        time: String, level: Logger.Level, message: String, metadata: Logger.Metadata
    ) -> String {
        var line = "{\"time\":\"\(time)\",\"level\":\"\(level.rawValue)\",\"message\":\(JSONValue.quoted(message))"
        for (key, value) in metadata.sorted(by: { $0.key < $1.key }) {
            let name = ["time", "level", "message"].contains(key) ? "metadata.\(key)" : key
            line += ",\(JSONValue.quoted(name)):\(jsonValue(value))"
        }
        return line + "}\n"
    }

    private static func textValue(_ value: Logger.MetadataValue) -> String {
        let text = flat(value)
        let isPlain =
            !text.isEmpty
            && text.unicodeScalars.allSatisfy { scalar in
                scalar.value > 0x20 && scalar.value != 0x7F && !(0x80...0x9F).contains(scalar.value) && scalar != "\""
                    && scalar != "="
            }
        return isPlain ? text : "\"\(escaped(text, alsoQuotes: true))\""
    }

    private static func flat(_ value: Logger.MetadataValue) -> String {
        switch value {
        case .string(let text): text
        case .stringConvertible(let value): value.description
        case .array(let values): values.map(flat).joined(separator: ",")
        case .dictionary(let members):
            members.sorted { $0.key < $1.key }.map { "\($0.key):\(flat($0.value))" }.joined(separator: ",")
        }
    }

    private static func jsonValue(_ value: Logger.MetadataValue) -> String {
        switch value {
        case .string(let text): JSONValue.quoted(text)
        case .stringConvertible(let value): jsonScalar(value)
        case .array(let values): "[\(values.map(jsonValue).joined(separator: ","))]"
        case .dictionary(let members):
            "{\(members.sorted { $0.key < $1.key }.map { "\(JSONValue.quoted($0.key)):\(jsonValue($0.value))" }.joined(separator: ","))}"
        }
    }

    /// Numbers and flags stay what they are, so that a log store can compute with them.
    private static func jsonScalar(_ value: any CustomStringConvertible & Sendable) -> String {
        switch value {
        case let number as any BinaryInteger: "\(number)"
        case let number as Double where number.isFinite: "\(number)"
        case let flag as Bool: flag ? "true" : "false"
        default: JSONValue.quoted(value.description)
        }
    }

    /// Control characters, line separators among them, as escapes.
    private static func escaped(_ text: String, alsoQuotes: Bool = false) -> String {
        let isClean = text.unicodeScalars.allSatisfy { !needsEscape($0) && !(alsoQuotes && ($0 == "\"" || $0 == "\\")) }
        if isClean { return text }
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\n": result += "\\n"
            case "\r": result += "\\r"
            case "\t": result += "\\t"
            case "\"" where alsoQuotes: result += "\\\""
            case "\\" where alsoQuotes: result += "\\\\"
            default:
                if needsEscape(scalar) {
                    result += "\\u{\(String(scalar.value, radix: 16))}"
                } else {
                    result.unicodeScalars.append(scalar)
                }
            }
        }
        return result
    }

    private static func needsEscape(_ scalar: Unicode.Scalar) -> Bool {
        scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value) || scalar.value == 0x2028 || scalar.value == 0x2029
    }
}

extension String {
    /// With blanks at its end, up to `width` characters.
    func padded(to width: Int) -> String {
        let length = count
        return length >= width ? self : self + String(repeating: " ", count: width - length)
    }
}
