/// A variable that an image of a Dockerfile begins with (docs.docker.com, "Environment replacement").
struct DockerfileVariable {
    let name: String
    /// What follows it: nothing, or tag and digest.
    let suffix: String

    /// Takes `$NAME`, `${NAME}`, `${NAME:-DEFAULT}` and `${NAME-DEFAULT}`, and behind it what may follow a name.
    init?(_ text: String) {
        guard let (name, rest) = Self.leading(text[...]), rest.isEmpty || rest.first == ":" || rest.first == "@" else {
            return nil
        }
        self.name = name
        suffix = String(rest)
    }

    /// Variables of `text` that are neither all of a name nor a part of tag or digest.
    static func partsOfNames(in text: String) -> Set<String> {
        var names: Set<String> = []
        var rest = text[...]
        if let own = DockerfileVariable(text) { rest = own.suffix[...] }
        let end = rest.firstIndex(of: "/") == nil && rest.first == ":" ? rest.startIndex : rest.endIndex
        rest = rest[..<end]
        while let dollar = rest.firstIndex(of: "$") {
            rest = rest[dollar...]
            if let (name, after) = leading(rest) {
                names.insert(name)
                rest = after
            } else {
                rest = rest.dropFirst()
            }
        }
        return names
    }

    /// The name of the variable that `text` begins with, and what follows it.
    private static func leading(_ text: Substring) -> (name: String, rest: Substring)? {
        guard text.first == "$" else { return nil }
        var rest = text.dropFirst()
        let isBraced = rest.first == "{"
        if isBraced { rest = rest.dropFirst() }
        let name = rest.prefix { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_") }
        guard !name.isEmpty else { return nil }
        rest = rest[name.endIndex...]
        guard isBraced else { return (String(name), rest) }
        guard let close = rest.firstIndex(of: "}"), !rest[..<close].contains("$") else { return nil }
        let modifier = rest[..<close]
        guard modifier.isEmpty || modifier.hasPrefix(":-") || modifier.hasPrefix("-") else { return nil }
        return (String(name), rest[rest.index(after: close)...])
    }
}
