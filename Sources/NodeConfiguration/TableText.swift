/// The tables of a TOML text, each with its exact text: what is kept of somebody else's file is kept as it was written.
///
/// Divides at lines that begin with `[`, outside of strings over several lines. It understands no values; whether the
/// whole is TOML is a library's to say.
package struct TableText: Sendable, Hashable {
    /// The name as it stands between the brackets, without blanks at its ends; empty for what comes before the first.
    package let name: String
    /// With its header, its comments and the newlines at its end.
    package let text: String

    package static func tables(of text: String) -> [TableText] {
        var tables: [TableText] = []
        var name = ""
        var lines = ""
        var quote: String?
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            let trimmed = line.drop { $0 == " " || $0 == "\t" }
            if quote == nil, trimmed.hasPrefix("["), let found = header(trimmed) {
                tables.append(TableText(name: name, text: lines))
                (name, lines) = (found, "")
            }
            lines += line + "\n"
            quote = openQuote(after: line, in: quote)
        }
        // The last line had no newline of its own, or was none.
        lines.removeLast()
        tables.append(TableText(name: name, text: lines))
        return tables
    }

    /// The name in `[name]` or `[[name]]`; nil for an array of values that begins a line.
    private static func header(_ line: Substring) -> String? {
        var quote: Character?
        var depth = 0
        var name = ""
        for character in line {
            if let open = quote {
                if character == open { quote = nil }
                name.append(character)
                continue
            }
            switch character {
            case "[" where name.isEmpty: depth += 1
            case "]":
                depth -= 1
                if depth == 0 {
                    let trimmed = name.drop { $0 == " " }
                    return trimmed.isEmpty ? nil : String(trimmed.reversed().drop { $0 == " " }.reversed())
                }
            case "\"", "'":
                quote = character
                name.append(character)
            case "#": return nil
            default: name.append(character)
            }
        }
        return nil
    }

    private static let multiline = String(repeating: "\"", count: 3)

    /// Whether a string over several lines is open after `line`.
    private static func openQuote(after line: Substring, in open: String?) -> String? {
        var quote = open
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
                return nil
            } else {
                if character == "\"" || character == "'" { single = character }
                rest = rest.dropFirst()
            }
        }
        return quote
    }

    /// Whether it is a host of hosts.toml, or a table below one.
    package var isHost: Bool { name == "host" || name.hasPrefix("host.") }
}
