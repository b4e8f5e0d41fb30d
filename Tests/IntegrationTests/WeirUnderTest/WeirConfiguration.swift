/// What a test puts into Weir's configuration file.
struct WeirConfiguration {
    struct Rule {
        var name: String
        var registry: String
        var host: String?
        var virtualHosts: [String] = []
        var account: RealRegistry.Account?
        /// The authority that the upstream's certificate is verified by.
        var authorityFile: String?
        /// How long a tag without a version stays fresh.
        var freshness = "1h"
        /// `open` or `closed`; what is not said is left to Weir.
        var fail: String?

        /// The rule that stands for Docker Hub.
        static func hub(_ registry: String) -> Rule {
            Rule(name: "hub", registry: registry, host: "docker.io", virtualHosts: ["hub.weir.test"])
        }
    }

    /// Which private repositories nodes may give to each other.
    struct Grants {
        var lifetime = "15m"
        var privateScopes: [String]
        /// What each node may have, by its peer ID.
        var nodes: [String: [String]]

        fileprivate var text: String {
            let list = nodes.sorted { $0.key < $1.key }.enumerated().map { number, node in
                "    node\(number): { peers: [\(node.key)], repositories: \(Self.list(node.value)) }"
            }
            return """
                grants:
                  lifetime: \(lifetime)
                  private: \(Self.list(privateScopes))
                  nodes:
                \(list.joined(separator: "\n"))
                """
        }

        private static func list(_ scopes: [String]) -> String { "[\(scopes.joined(separator: ", "))]" }
    }

    var rules: [Rule]
    var host = "127.0.0.1"
    var port = 5000
    /// Where the store is; a folder of the test's own where nil.
    var directory: String?
    /// Bytes, or a share of the file system.
    var limit = "1GiB"
    /// Makes it serve HTTPS.
    var identity: Certificates.Identity?
    var grants: Grants?

    /// The file's text.
    func text(directory: String, socket: String) -> String {
        let rules = rules.map { rule in
            var lines = ["  \(rule.name):", "    registry: \(rule.registry)"]
            if let host = rule.host { lines.append("    host: \(host)") }
            if !rule.virtualHosts.isEmpty {
                lines.append("    virtualHosts: [\(rule.virtualHosts.joined(separator: ", "))]")
            }
            if let account = rule.account {
                lines += ["    username: '\(account.name)'", "    accessToken: '\(account.password)'"]
            }
            if let file = rule.authorityFile { lines.append("    tls: { ca: \(file) }") }
            if let fail = rule.fail { lines.append("    fail: \(fail)") }
            lines.append("    freshness: { moving: \(rule.freshness) }")
            return lines.joined(separator: "\n")
        }
        // The limit is given, since the machine's own disk may be fuller than the default allows.
        return """
            listen: \(host):\(port)
            storage:
              directory: \(directory)
              limit: \(limit)
            wellKnownRegistries: false
            control: { socket: \(socket) }
            timeouts: { drain: 30s }
            \(identity.map { "tls: { certificate: \($0.certificateFile), key: \($0.keyFile) }" } ?? "")
            \(grants?.text ?? "")
            rules:
            \(rules.joined(separator: "\n"))

            """
    }
}
