/// The list of all keys, from the same description that they are read by.
package enum ConfigurationReference {
    /// One line for each key; the second for what it means.
    package static var text: String {
        rows().map { row in
            var facts = [row.form]
            if let standard = row.standard { facts.append("default \(standard)") }
            if let variable = row.variable { facts.append("$\(variable)") }
            return "\(row.key)\n    \(row.summary)\n    (\(facts.joined(separator: "; ")))\n"
        }.joined()
    }

    /// A table for docs/configuration.md.
    package static var markdown: String {
        var text = "| Key | Meaning | Form | Default |\n| --- | --- | --- | --- |\n"
        for row in rows() {
            let standard = row.standard.map { "`\($0)`" } ?? ""
            text += "| `\(row.key)` | \(escaped(row.summary)) | \(escaped(row.form)) | \(standard) |\n"
        }
        return text
    }

    private struct Row {
        var key: String
        var summary: String
        var form: String
        var standard: String?
        var variable: String?
    }

    private static func rows() -> [Row] {
        let variables = Dictionary(
            EnvironmentVariables.all().map { ($0.path, $0.name) }, uniquingKeysWith: { first, _ in first })
        func rows(_ outlines: [SettingOutline], path: [String]) -> [Row] {
            outlines.flatMap { outline -> [Row] in
                let own = path + [outline.name]
                let key = own.joined(separator: ".")
                if let members = outline.members { return rows(members, path: own) }
                let row = Row(
                    key: key, summary: outline.summary, form: outline.expectation, standard: shown(outline.standard),
                    variable: variables[own])
                if outline.name == "rules", path.isEmpty {
                    return rows(RuleSettings.keys.map(\.outline), path: ["rules", "NAME"])
                }
                return [row]
            }
        }
        return rows(Settings.keys.map(\.outline), path: [])
    }

    private static func shown(_ standard: JSONValue?) -> String? {
        switch standard {
        case nil, .null: nil
        case .bool(let flag): flag ? "true" : "false"
        case .integer(let number): "\(number)"
        case .string(let text): text
        case .array(let values): values.isEmpty ? "none" : values.compactMap { shown($0) }.joined(separator: ", ")
        case .object: "none"
        }
    }

    private static func escaped(_ text: String) -> String { text.replacing("|", with: "\\|") }
}
