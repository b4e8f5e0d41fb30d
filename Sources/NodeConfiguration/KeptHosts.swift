internal import TOMLKit

/// What is kept of a hosts file that was there.
struct KeptHosts {
    /// What stands before its first table: `server`, and what holds for that.
    let top: TableText
    let tables: [TableText]
    let hasServer: Bool
    /// The certificates and keys that it names, as it names them.
    let files: [String]

    /// - Throws: ``NodeConfigurationError/malformed(path:reason:)`` where it is no TOML, or has hosts in a form in which
    ///   they cannot be taken over: what would be lost stays in effect instead.
    init(_ text: String, path: String) throws(NodeConfigurationError) {
        let root: TOMLTable
        do {
            root = try TOMLTable(string: text)
        } catch {
            throw .malformed(path: path, reason: "it is no TOML; mend or remove it, or leave out what keeps it")
        }
        let tables = TableText.tables(of: text)
        let hosts = root["host"]?.table
        guard Set(tables.compactMap(\.host)).count == hosts?.keys.count ?? 0 else {
            throw .malformed(
                path: path, reason: "it has hosts that are no tables of their own; write each as [host.\"ADDRESS\"]")
        }
        top = tables.first ?? TableText(name: "", text: "")
        self.tables = Array(tables.dropFirst())
        hasServer = root["server"] != nil
        var files = Self.files(root)
        for key in hosts?.keys ?? [] { files += (hosts?[key]?.table).map(Self.files) ?? [] }
        self.files = files
    }

    /// Of a folder that has certificates alone, in Docker's form. containerd reads them where there is no hosts.toml.
    init(certificates names: [String]) {
        let authorities = names.filter { $0.hasSuffix(".crt") && !$0.contains("/") }.sorted()
        let clients = names.filter { $0.hasSuffix(".cert") && !$0.contains("/") }.sorted()
        var text = ""
        if !authorities.isEmpty { text += "ca = [\(authorities.map { quoted($0) }.joined(separator: ", "))]\n" }
        if !clients.isEmpty {
            let pairs = clients.map { name in
                let key = "\(name.dropLast(".cert".utf8.count)).key"
                return names.contains(key) ? "[\(quoted(name)), \(quoted(key))]" : "[\(quoted(name)), \"\"]"
            }
            text += "client = [\(pairs.joined(separator: ", "))]\n"
        }
        top = TableText(name: "", text: text)
        tables = []
        hasServer = false
        files = []
    }

    private static func files(_ table: TOMLTable) -> [String] {
        ["ca", "client"].flatMap { key in
            var list: [String] = []
            if let text = table[key]?.string { list.append(text) }
            for value in table[key]?.array.map({ Array($0) }) ?? [] {
                if let text = value.string { list.append(text) }
                list += value.array.map { $0.compactMap { $0.string } } ?? []
            }
            return list.filter { !$0.isEmpty }
        }
    }
}
