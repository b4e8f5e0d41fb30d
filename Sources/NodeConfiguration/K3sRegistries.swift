package import OCI
internal import Yams

/// What K3s and RKE2 are to have in `registries.yaml`.
///
/// K3s documentation, "Private Registry Configuration". `configs` holds the operator's accounts and certificates, also for
/// registries that Weir has nothing to do with, and is kept whatever becomes of `mirrors`.
package struct K3sRegistries: Sendable {
    /// Empty means every registry, `"*"`.
    package var registries: [RegistryHost]
    /// In the order in which they are asked, `http://HOST:PORT`.
    package var mirrors: [String]
    package var existing: HostsFolder.Existing
    /// PEM files for the mirrors.
    package var certificateAuthorityFile: String?
    package var clientCertificateFile: String?
    package var clientKeyFile: String?

    package init(registries: [RegistryHost], mirrors: [String], existing: HostsFolder.Existing = .setAside) {
        self.registries = registries
        self.mirrors = mirrors
        self.existing = existing
    }

    /// What the file is to be.
    package struct Content: Hashable {
        package var text: String
        /// Registries whose entry stays as it was: it has rewrites, which K3s would apply to what Weir is asked for, too.
        package var untouched: [String]
    }

    /// Whatever `original` may be made to grow to by aliases, it is read no further.
    private static let nodeLimit = 10_000

    /// - Parameters:
    ///   - original: what was there before; nil for nothing.
    ///   - backup: the name that it is kept under, for whoever reads the file.
    /// - Throws: ``NodeConfigurationError/malformed(path:reason:)`` where the original is not of K3s's form.
    package func content(
        original: String?, path: String, backup: String
    ) throws(NodeConfigurationError) -> Content {
        var root = try Self.root(of: original, path: path)
        let before = try Self.group("mirrors", in: root, path: path)
        let (entries, untouched) = try mirrored(before, path: path)
        root["mirrors"] = .mapping(entries)
        let configs = try Self.group("configs", in: root, path: path)
        if hasFiles { root["configs"] = .mapping(configured(configs)) }
        var text = "\(HostsFile.mark)\n"
        if original != nil { text += "# That is kept as \(backup): what is changed there comes here.\n" }
        do {
            text += try Yams.serialize(node: .mapping(root), allowUnicode: true)
        } catch {
            throw .malformed(path: path, reason: "it cannot be written anew")
        }
        return Content(text: text, untouched: untouched)
    }

    // MARK: Entries

    private var endpoints: [String] { mirrors.map { "\($0)/v2" } }

    private func mirrored(
        _ before: Node.Mapping, path: String
    ) throws(NodeConfigurationError) -> (entries: Node.Mapping, untouched: [String]) {
        let names = registries.isEmpty ? ["*"] : registries.map(\.description)
        guard existing == .appended else {
            return (Node.Mapping(names.map { (Self.text($0), Self.entry(endpoints)) }), [])
        }
        var (entries, untouched) = (before, [String]())
        for (key, value) in before {
            guard let name = key.string, registries.isEmpty || names.contains(name) else { continue }
            if value["rewrite"]?.mapping?.isEmpty == false {
                untouched.append(name)
            } else {
                entries[key] = Self.entry(endpoints + (try Self.endpoints(of: value, path: path)), in: value)
            }
        }
        // What a registry has by "*" it has no more once it has an entry of its own.
        let general = before["*"].flatMap { $0["rewrite"]?.mapping?.isEmpty == false ? nil : $0 }
        for name in names where before[Self.text(name)] == nil {
            let others = try general.map { value throws(NodeConfigurationError) in
                try Self.endpoints(of: value, path: path)
            }
            entries[Self.text(name)] = Self.entry(endpoints + (others ?? []))
        }
        return (entries, untouched)
    }

    private static func entry(_ endpoints: [String], in entry: Node? = nil) -> Node {
        var seen: Set<String> = []
        let list = endpoints.filter { seen.insert($0).inserted }.map { text($0) }
        var mapping = entry?.mapping ?? Node.Mapping([])
        mapping["endpoint"] = .sequence(Node.Sequence(list))
        return .mapping(mapping)
    }

    private static func endpoints(of entry: Node, path: String) throws(NodeConfigurationError) -> [String] {
        guard let node = entry["endpoint"], node.null == nil else { return [] }
        guard let sequence = node.sequence else {
            throw .malformed(path: path, reason: "an 'endpoint' of its 'mirrors' is no list")
        }
        return sequence.compactMap(\.string)
    }

    // MARK: Certificates

    private var hasFiles: Bool { certificateAuthorityFile != nil || clientCertificateFile != nil }

    private func configured(_ before: Node.Mapping) -> Node.Mapping {
        var configs = before
        for mirror in mirrors {
            guard let slashes = mirror.firstRange(of: "://") else { continue }
            let host = Self.text(String(mirror[slashes.upperBound...]))
            var config = configs[host]?.mapping ?? Node.Mapping([])
            var tls = config["tls"]?.mapping ?? Node.Mapping([])
            for (key, file) in [
                ("ca_file", certificateAuthorityFile), ("cert_file", clientCertificateFile),
                ("key_file", clientKeyFile),
            ] {
                if let file { tls[Node(key)] = Self.text(file) }
            }
            config["tls"] = .mapping(tls)
            configs[host] = .mapping(config)
        }
        return configs
    }

    // MARK: Reading

    private static func root(of text: String?, path: String) throws(NodeConfigurationError) -> Node.Mapping {
        guard let text else { return Node.Mapping([]) }
        let root: Node?
        do {
            root = try Yams.Parser(yaml: text, encoding: .utf8).singleRoot()
        } catch {
            // The library's own words quote the file, and secrets are in it.
            throw .malformed(path: path, reason: "it is no YAML")
        }
        guard let root, root.null == nil else { return Node.Mapping([]) }
        var rest = nodeLimit
        guard case .mapping(let mapping) = root, count(root, &rest) else {
            throw .malformed(path: path, reason: "it is no group of 'mirrors' and 'configs', or a very large one")
        }
        return mapping
    }

    private static func count(_ node: Node, _ rest: inout Int) -> Bool {
        rest -= 1
        guard rest > 0 else { return false }
        switch node {
        case .mapping(let mapping):
            for (key, value) in mapping { guard count(key, &rest), count(value, &rest) else { return false } }
        case .sequence(let sequence):
            for value in sequence { guard count(value, &rest) else { return false } }
        case .scalar, .alias: break
        }
        return true
    }

    private static func group(
        _ name: String, in root: Node.Mapping, path: String
    ) throws(NodeConfigurationError) -> Node.Mapping {
        guard let node = root[Node(name)], node.null == nil else { return Node.Mapping([]) }
        guard let mapping = node.mapping else { throw .malformed(path: path, reason: "its '\(name)' is no group") }
        return mapping
    }

    private static func text(_ text: String) -> Node { Node(text, Tag(.str), .doubleQuoted) }
}
