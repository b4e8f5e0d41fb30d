internal import TOMLKit

/// The tables of a TOML text, each with its exact text: what is kept of somebody else's file is kept as it was written.
///
/// Divides at lines that begin with `[`, outside of arrays and of strings over several lines. It understands no values;
/// whether the whole is TOML is a library's to say. Lines end with a newline alone, whatever they ended with before.
package struct TableText: Sendable, Hashable {
    /// The name as it stands between the brackets, without blanks at its ends; empty for what comes before the first.
    package let name: String
    /// With its header, its comments and the newlines at its end.
    package let text: String

    package static func tables(of text: String) -> [TableText] {
        var tables: [TableText] = []
        var name = ""
        var lines = ""
        var scan = LineScan()
        // Not by characters: a carriage return and a newline are one of these.
        for bytes in text.utf8.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
            let end = bytes.last == UInt8(ascii: "\r") ? bytes.dropLast() : bytes
            let line = Substring(end)
            let trimmed = line.drop { $0 == " " || $0 == "\t" }
            if scan.isBetweenValues, trimmed.hasPrefix("["), let found = header(trimmed) {
                tables.append(TableText(name: name, text: lines))
                (name, lines) = (found, "")
            } else {
                scan.read(line)
            }
            lines += line + "\n"
        }
        // The last line had no newline of its own, or was none.
        lines.removeLast()
        tables.append(TableText(name: name, text: lines))
        return tables
    }

    /// The name in `[name]` or `[[name]]`; nil where the brackets do not end in this line.
    private static func header(_ line: Substring) -> String? {
        var quote: Character?
        var isEscaped = false
        var depth = 0
        var name = ""
        for character in line {
            if let open = quote {
                if character == open, !isEscaped { quote = nil }
                isEscaped = character == "\\" && open == "\"" && !isEscaped
                name.append(character)
                continue
            }
            switch character {
            case "[" where name.isEmpty: depth += 1
            case "]":
                depth -= 1
                if depth == 0 { return name.trimmingBlanks.isEmpty ? nil : name.trimmingBlanks }
            case "\"", "'":
                quote = character
                name.append(character)
            case "#": return nil
            default: name.append(character)
            }
        }
        return nil
    }

    /// The parts of ``name``, without quotes; empty where it is no key.
    private var path: [String] {
        guard var table = try? TOMLTable(string: "[\(name)]") else { return [] }
        var path: [String] = []
        while let key = table.keys.first {
            path.append(key)
            guard let next = table[key]?.table else { break }
            table = next
        }
        return path
    }

    /// Whether it is a host of hosts.toml, or a table below one.
    package var isHost: Bool { path.first == "host" }

    /// The address of the host that it is, or is below; nil for what is none.
    package var host: String? {
        let path = path
        return path.count > 1 && path[0] == "host" ? path[1] : nil
    }
}

/// What of a value is open at the end of a line.
private struct LineScan {
    private static let multiline = String(repeating: "\"", count: 3)

    /// The mark of a string over several lines.
    private var quote: String?
    /// Of arrays and inline tables.
    private var depth = 0

    var isBetweenValues: Bool { quote == nil && depth <= 0 }

    mutating func read(_ line: Substring) {
        var single: Character?
        var rest = line
        while let character = rest.first {
            if let mark = quote {
                if rest.hasPrefix(mark) {
                    quote = nil
                    rest = rest.dropFirst(3)
                } else {
                    rest = rest.dropFirst(character == "\\" && mark == Self.multiline ? 2 : 1)
                }
            } else if let mark = single {
                if character == mark { single = nil }
                rest = rest.dropFirst(character == "\\" && mark == "\"" ? 2 : 1)
            } else if rest.hasPrefix(Self.multiline) || rest.hasPrefix("'''") {
                quote = String(rest.prefix(3))
                rest = rest.dropFirst(3)
            } else if character == "#" {
                return
            } else {
                switch character {
                case "\"", "'": single = character
                case "[", "{": depth += 1
                case "]", "}": depth -= 1
                default: break
                }
                rest = rest.dropFirst()
            }
        }
    }
}

extension String {
    fileprivate var trimmingBlanks: String {
        let start = drop { $0 == " " || $0 == "\t" }
        return String(start.reversed().drop { $0 == " " || $0 == "\t" }.reversed())
    }
}
