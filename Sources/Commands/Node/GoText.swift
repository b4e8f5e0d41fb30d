/// Values as Go's own packages read them, which Spegel's are written for.
enum GoText {
    private static let units: [(name: String, nanoseconds: Double)] = [
        ("ns", 1), ("us", 1e3), ("µs", 1e3), ("μs", 1e3), ("ms", 1e6), ("s", 1e9), ("m", 60e9), ("h", 3600e9),
    ]

    /// `time.ParseDuration`, of nothing below zero and of a year at most: `1.5h`, `1m30s`, `100ms`; nil for what is none.
    static func duration(_ text: String) -> Duration? {
        var rest = text.hasPrefix("+") ? text.dropFirst() : text[...]
        if rest == "0" { return .zero }
        guard !rest.isEmpty else { return nil }
        var total = 0.0
        while !rest.isEmpty {
            let number = rest.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
            rest = rest.dropFirst(number.count)
            let name = rest.prefix { !($0.isASCII && ($0.isNumber || $0 == ".")) }
            rest = rest.dropFirst(name.count)
            guard number.contains(where: \.isNumber), number.count(where: { $0 == "." }) <= 1,
                let count = Double(
                    number.first == "." ? "0\(number)" : number.last == "." ? "\(number)0" : "\(number)"),
                let unit = units.first(where: { $0.name == name })
            else { return nil }
            total += count * unit.nanoseconds
        }
        guard total <= 365 * 86_400e9 else { return nil }
        return .nanoseconds(Int64(total.rounded()))
    }

    /// One record of `encoding/csv`; nil where quotes are not closed, or stand within a value.
    ///
    /// What is empty is left out, as are blanks around what has no quotes: no value of Spegel's has such. A further line
    /// is read as well, where Go reads the first alone: a filter in it must not be lost.
    static func list(_ text: String) -> [String]? {
        var values: [String] = []
        var rest = text[...]
        while true {
            rest = rest.drop { $0.isWhitespace }
            guard let first = rest.first else { break }
            if first == "\"" {
                guard let value = quoted(&rest) else { return nil }
                values.append(value)
            } else {
                let value = rest.prefix { $0 != "," && !$0.isNewline }
                guard !value.contains("\"") else { return nil }
                rest = rest.dropFirst(value.count)
                values.append(String(value.reversed().drop { $0.isWhitespace }.reversed()))
            }
            rest = rest.drop { $0 == " " || $0 == "\t" }
            guard let end = rest.popFirst() else { break }
            guard end == "," || end.isNewline else { return nil }
        }
        return values.filter { !$0.isEmpty }
    }

    /// Two quotes within mean one.
    private static func quoted(_ rest: inout Substring) -> String? {
        rest.removeFirst()
        var value = ""
        while let character = rest.popFirst() {
            guard character == "\"" else {
                value.append(character)
                continue
            }
            guard rest.first == "\"" else { return value }
            value.append("\"")
            rest.removeFirst()
        }
        return nil
    }
}
