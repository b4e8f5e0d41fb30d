/// Names and labels as Prometheus' text format wants them.
enum MetricLabels {
    /// Longest label value, in characters; what is longer is cut.
    static let valueLengthLimit = 256

    /// `label` with everything that a metric name may not have replaced by `_`.
    static func metricName(_ label: String) -> String { sanitised(label, alsoAllowed: ":") }

    /// `a="1",b="2"`: in order of name, escaped, each name once.
    static func text(_ dimensions: [(String, String)]) -> String {
        guard !dimensions.isEmpty else { return "" }
        var seen: Set<String> = []
        var pairs: [(String, String)] = []
        for (name, value) in dimensions {
            var name = sanitised(name, alsoAllowed: "")
            // `le` is a histogram's own.
            if name == "le" { name = "exported_le" }
            if seen.insert(name).inserted { pairs.append((name, value)) }
        }
        return pairs.sorted { $0.0 < $1.0 }.map { "\($0.0)=\"\(escaped($0.1))\"" }.joined(separator: ",")
    }

    static func escaped(_ value: String) -> String {
        var text = ""
        for character in value.unicodeScalars.prefix(valueLengthLimit) {
            switch character {
            case "\\": text += "\\\\"
            case "\"": text += "\\\""
            case "\n": text += "\\n"
            default: text.unicodeScalars.append(character)
            }
        }
        return text
    }

    private static func sanitised(_ text: String, alsoAllowed: String) -> String {
        var name = ""
        for (position, character) in text.unicodeScalars.enumerated() {
            switch character {
            case "a"..."z", "A"..."Z", "_": name.unicodeScalars.append(character)
            case "0"..."9":
                if position == 0 { name += "_" }
                name.unicodeScalars.append(character)
            default:
                if alsoAllowed.unicodeScalars.contains(character) {
                    name.unicodeScalars.append(character)
                } else {
                    name += "_"
                }
            }
        }
        return name.isEmpty ? "_" : name
    }
}
