internal import Yams

/// A setting that a flag or an environment variable makes.
struct ConfigurationOverride {
    /// The flag or variable, for messages.
    let source: String
    /// The keys that lead to the setting: `storage`, `directory`.
    let path: [String]
    let text: String
    let isList: Bool

    /// The override as a tree of one branch, to be read like a file.
    var node: Node {
        var node: Node =
            isList
            ? Node(
                text.split(separator: ",").map { Node(String(Self.trimmed($0)), .init(.str), .doubleQuoted) })
            : Node(text, .init(.str), .doubleQuoted)
        for key in path.reversed() { node = Node([(Node(key), node)]) }
        return node
    }

    private static func trimmed(_ text: Substring) -> Substring {
        var text = text
        while text.first == " " { text.removeFirst() }
        while text.last == " " { text.removeLast() }
        return text
    }
}

/// The environment variables that weir reads: `WEIR_` and the way to a setting, `WEIR_STORAGE_DIRECTORY`.
enum EnvironmentVariables {
    static let configuration = "WEIR_CONFIG"
    static let socket = "WEIR_SOCKET"

    /// Every variable with the setting that it makes; tables, such as the rules, have none.
    static func all() -> [(name: String, path: [String], isList: Bool)] {
        names(of: Settings.keys.map(\.outline), prefix: "WEIR", path: []) + [(socket, ["control", "socket"], false)]
    }

    /// What the environment sets, and warnings for variables that look like settings and are none.
    static func overrides(
        _ environment: [String: String]
    ) -> (overrides: [ConfigurationOverride], warnings: [ConfigurationProblem]) {
        let known = all()
        var overrides: [ConfigurationOverride] = []
        for variable in known {
            guard let text = environment[variable.name], !text.isEmpty else { continue }
            overrides.append(
                ConfigurationOverride(
                    source: variable.name, path: variable.path, text: text, isList: variable.isList))
        }
        let names = known.map(\.name) + [configuration]
        let warnings = environment.keys.sorted().filter { name in
            // Kubernetes puts WEIR_SERVICE_HOST, WEIR_PORT_5000_TCP and so on beside a service that is called weir.
            name.hasPrefix("WEIR_") && !names.contains(name) && !name.hasPrefix("WEIR_SERVICE_")
                && !name.hasPrefix("WEIR_PORT") && !name.contains("_SERVICE_") && !name.contains("_PORT")
        }.map { name in
            let hint = suggestion(for: name, among: names).map { "; did you mean \($0)?" } ?? ""
            return ConfigurationProblem(
                "no setting has this name\(hint)", at: .init(source: name), severity: .warning)
        }
        return (overrides, warnings)
    }

    private static func names(
        of outlines: [SettingOutline], prefix: String, path: [String]
    ) -> [(name: String, path: [String], isList: Bool)] {
        outlines.flatMap { outline -> [(name: String, path: [String], isList: Bool)] in
            let name = "\(prefix)_\(screaming(outline.name))"
            let path = path + [outline.name]
            if let members = outline.members { return names(of: members, prefix: name, path: path) }
            return outline.name == "rules" ? [] : [(name, path, outline.isList)]
        }
    }

    /// `highWatermark` as `HIGH_WATERMARK`.
    private static func screaming(_ name: String) -> String {
        var text = ""
        for character in name {
            if character.isUppercase { text += "_" }
            text += character.uppercased()
        }
        return text
    }
}
