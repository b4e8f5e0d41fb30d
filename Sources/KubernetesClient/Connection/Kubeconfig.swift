internal import Foundation
internal import Yams

/// One or several kubeconfig files, merged as `kubectl` merges them: of each name, and of the current context, the
/// first file that has it says what it is. "Organizing Cluster Access Using kubeconfig Files", Kubernetes documentation.
package struct Kubeconfig {
    private struct Entry {
        let node: Node
        /// What relative paths in it start from.
        let directory: String
        let path: String
    }

    private var clusters: [String: Entry] = [:]
    private var users: [String: Entry] = [:]
    private var contexts: [String: Entry] = [:]
    private var currentContext: String?
    /// Names for messages.
    private var paths: [String] = []

    /// Aliases in one file; with more a small file could stand for a large memory.
    private static let aliasLimit = 20
    private static let fileLimit = 64

    /// The files that `kubectl` would read: `$KUBECONFIG`, else `~/.kube/config`. Those that are missing are passed over.
    package static func standard(environment: [String: String]) throws(ClusterConnectionError) -> Kubeconfig {
        if let list = environment["KUBECONFIG"], !list.isEmpty {
            return try Kubeconfig(files: list.split(separator: ":").map(String.init), allowsMissing: true)
        }
        guard let home = environment["HOME"], !home.isEmpty else {
            throw .incomplete(reason: "no kubeconfig is named, and HOME is not set")
        }
        return try Kubeconfig(files: ["\(home)/.kube/config"], allowsMissing: false)
    }

    /// - Parameter allowsMissing: files that do not exist are passed over, as long as one does.
    package init(files: [String], allowsMissing: Bool = false) throws(ClusterConnectionError) {
        guard files.count <= Self.fileLimit else {
            throw .incomplete(reason: "more than \(Self.fileLimit) kubeconfig files are named")
        }
        for path in files {
            guard let bytes = BoundedFile.bytes(path) else {
                if allowsMissing { continue }
                throw .unreadable(path: path)
            }
            try add(bytes, path: path)
        }
        if paths.isEmpty {
            throw .incomplete(reason: "none of the kubeconfig files exists: \(files.joined(separator: ", "))")
        }
    }

    private mutating func add(_ bytes: [UInt8], path: String) throws(ClusterConnectionError) {
        paths.append(path)
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw .malformed(path: path, reason: "it is not UTF-8")
        }
        guard text.utf8.count(where: { $0 == UInt8(ascii: "*") }) <= Self.aliasLimit else {
            throw .malformed(path: path, reason: "it has more than \(Self.aliasLimit) YAML aliases")
        }
        let root: Node?
        do { root = try Yams.Parser(yaml: text, encoding: .utf8).singleRoot() } catch {
            throw .malformed(path: path, reason: "it is no YAML")
        }
        guard let root, root.mapping != nil else { throw .malformed(path: path, reason: "it is no kubeconfig") }
        let directory = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
        for (key, keyPath) in [("clusters", \Self.clusters), ("users", \Self.users), ("contexts", \Self.contexts)] {
            guard let list = root[key]?.sequence else { continue }
            for item in list {
                guard let name = item["name"]?.scalar?.string, self[keyPath: keyPath][name] == nil else { continue }
                let member = String(key.dropLast())
                self[keyPath: keyPath][name] = Entry(
                    node: item[member] ?? Node(""), directory: directory, path: path)
            }
        }
        if currentContext == nil, let name = root["current-context"]?.scalar?.string, !name.isEmpty {
            currentContext = name
        }
    }

    /// - Parameter context: nil means the current one.
    package func connection(context: String? = nil) throws(ClusterConnectionError) -> ClusterConnection {
        let files = paths.joined(separator: ", ")
        guard let name = context ?? currentContext else {
            throw .incomplete(reason: "no context is current in \(files); name one")
        }
        guard let chosen = contexts[name] else {
            throw .incomplete(reason: "there is no context '\(name)' in \(files)")
        }
        guard let clusterName = Self.text(chosen.node["cluster"]), let cluster = clusters[clusterName] else {
            throw .incomplete(reason: "the context '\(name)' names no cluster that is in \(files)")
        }
        let user = try Self.text(chosen.node["user"]).map { userName throws(ClusterConnectionError) in
            guard let user = users[userName] else {
                throw .incomplete(reason: "the context '\(name)' names the user '\(userName)', who is not in \(files)")
            }
            return user
        }
        var connection = try Self.connection(cluster)
        connection.namespace = Self.text(chosen.node["namespace"]) ?? "default"
        if let user { try Self.identify(&connection, as: user, cluster: cluster) }
        return connection
    }

    private static func connection(_ cluster: Entry) throws(ClusterConnectionError) -> ClusterConnection {
        guard let text = text(cluster.node["server"]), let url = ServerURL(text),
            ["http", "https"].contains(url.scheme)
        else { throw .malformed(path: cluster.path, reason: "a cluster has no 'server' of the form https://HOST:PORT") }
        let usesTLS = url.scheme == "https"
        var connection = ClusterConnection(
            server: ClusterConnection.Server(
                usesTLS: usesTLS, host: url.host, port: url.port ?? (usesTLS ? 443 : 80), path: url.path))
        connection.serverName = self.text(cluster.node["tls-server-name"])
        let authority = try source(
            cluster, data: "certificate-authority-data", file: "certificate-authority")
        if self.text(cluster.node["insecure-skip-tls-verify"]) == "true" {
            guard authority == nil else {
                throw .malformed(
                    path: cluster.path,
                    reason: "'insecure-skip-tls-verify' and a certificate authority exclude each other")
            }
            connection.trust = .nothingVerified
        } else if let authority {
            connection.trust = .authorities(authority)
        }
        if let text = self.text(cluster.node["proxy-url"]) { connection.proxy = try proxy(text, path: cluster.path) }
        return connection
    }

    private static func proxy(_ text: String, path: String) throws(ClusterConnectionError) -> ClusterConnection.Proxy {
        guard let url = ServerURL(text) else {
            throw .malformed(path: path, reason: "'proxy-url' is no address without credentials")
        }
        switch url.scheme {
        case "http": return .http(host: url.host, port: url.port ?? 80)
        case "socks5", "socks5h": return .socks5(host: url.host, port: url.port ?? 1080)
        default:
            throw .malformed(
                path: path, reason: "'proxy-url' has the scheme '\(url.scheme)'; http and socks5 are known")
        }
    }

    private static func identify(
        _ connection: inout ClusterConnection, as user: Entry, cluster: Entry
    ) throws(ClusterConnectionError) {
        let refusals: [(key: String, reason: String)] = [
            (
                "username",
                "API servers take no user names and passwords since Kubernetes 1.19; use a token or a certificate"
            ),
            ("auth-provider", "'auth-provider' is gone since Kubernetes 1.26; use its 'exec' plug-in"),
            ("as", "impersonation ('as') is not supported"),
        ]
        for refusal in refusals where text(user.node[refusal.key]) != nil || user.node[refusal.key]?.mapping != nil {
            throw .malformed(path: user.path, reason: refusal.reason)
        }
        let chain = try source(user, data: "client-certificate-data", file: "client-certificate")
        let key = try source(user, data: "client-key-data", file: "client-key")
        switch (chain, key) {
        case (let chain?, let key?): connection.clientCertificate = .init(chain: chain, key: key)
        case (nil, nil): break
        default: throw .malformed(path: user.path, reason: "a client certificate and its key belong together")
        }
        if let file = text(user.node["tokenFile"]) {
            connection.proof = .tokenFile(path(file, in: user.directory))
        } else if let token = text(user.node["token"]) {
            connection.proof = .token(token)
        } else if let exec = user.node["exec"], exec.mapping != nil {
            connection.proof = .plugin(try plugin(exec, user: user, cluster: cluster))
        }
    }

    private static func plugin(
        _ exec: Node, user: Entry, cluster: Entry
    ) throws(ClusterConnectionError) -> ExecPlugin {
        guard let version = text(exec["apiVersion"]).flatMap(ExecPlugin.Version.init(rawValue:)) else {
            throw .malformed(
                path: user.path,
                reason: "'exec' has an apiVersion other than \(ExecPlugin.Version.v1.rawValue) and "
                    + ExecPlugin.Version.v1beta1.rawValue)
        }
        guard var command = text(exec["command"]) else {
            throw .malformed(path: user.path, reason: "'exec' has no 'command'")
        }
        // A name alone is looked for in PATH; a path starts from the file's directory.
        if command.contains("/") { command = path(command, in: user.directory) }
        if text(exec["interactiveMode"]) == "Always" {
            throw .malformed(path: user.path, reason: "'exec' wants to ask somebody, and nobody is there")
        }
        let environment = (exec["env"]?.sequence.map(Array.init) ?? []).compactMap { item -> (String, String)? in
            guard let name = text(item["name"]) else { return nil }
            return (name, item["value"]?.scalar?.string ?? "")
        }
        return ExecPlugin(
            version: version, command: command,
            arguments: exec["args"]?.sequence?.compactMap { $0.scalar?.string } ?? [],
            environment: Dictionary(environment, uniquingKeysWith: { _, last in last }),
            installHint: text(exec["installHint"]),
            cluster: text(exec["provideClusterInfo"]) == "true" ? information(cluster) : nil)
    }

    /// What a plug-in may know of its cluster. client.authentication.k8s.io/v1, `Cluster`.
    private static func information(_ cluster: Entry) -> JSONTree {
        var tree: JSONTree = [:]
        for key in ["server", "tls-server-name", "certificate-authority-data", "proxy-url"] {
            if let text = text(cluster.node[key]) { tree[key] = .string(text) }
        }
        if tree["certificate-authority-data"] == nil, let file = text(cluster.node["certificate-authority"]),
            let bytes = BoundedFile.bytes(path(file, in: cluster.directory))
        {
            tree["certificate-authority-data"] = .string(Data(bytes).base64EncodedString())
        }
        if text(cluster.node["insecure-skip-tls-verify"]) == "true" { tree["insecure-skip-tls-verify"] = true }
        return tree
    }

    // MARK: Values

    private static func source(
        _ entry: Entry, data: String, file: String
    ) throws(ClusterConnectionError) -> ClusterConnection.Source? {
        if let text = text(entry.node[data]) {
            guard let bytes = Data(base64Encoded: text, options: .ignoreUnknownCharacters), !bytes.isEmpty else {
                throw .malformed(path: entry.path, reason: "'\(data)' is not Base64")
            }
            return .data(Array(bytes))
        }
        return text(entry.node[file]).map { .file(path($0, in: entry.directory)) }
    }

    private static func path(_ path: String, in directory: String) -> String {
        path.hasPrefix("/") ? path : "\(directory)/\(path)"
    }

    /// The text of a scalar; nil where there is none, or it is empty.
    private static func text(_ node: Node?) -> String? {
        guard let text = node?.scalar?.string, !text.isEmpty else { return nil }
        return text
    }
}
