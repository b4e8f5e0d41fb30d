package import OCI
internal import TOMLKit

/// What is written for one registry, or for all that have no file of their own.
package struct HostsFile: Sendable, Hashable {
    package enum Scope: Sendable, Hashable {
        case registry(RegistryHost)
        /// `_default`.
        case all
        /// A folder that was there, by its name: for what is kept of it.
        case folder(String)
    }

    package var scope: Scope
    /// Whether the registry itself speaks TLS.
    package var registryUsesTLS = true
    /// Addresses in the order in which they are asked: the node's own first.
    package var mirrors: [String]
    /// Whether tags are resolved by them, too.
    package var resolvesTags: Bool
    /// `Basic …`; nil for none.
    package var authorization: String?
    /// PEM files for the mirrors, as K3s needs them.
    package var certificateAuthority: String?
    package var clientCertificate: (certificate: String, key: String)? {
        guard let clientCertificateFile, let clientKeyFile else { return nil }
        return (clientCertificateFile, clientKeyFile)
    }
    package var clientCertificateFile: String?
    package var clientKeyFile: String?

    package init(scope: Scope, mirrors: [String], resolvesTags: Bool = true, authorization: String? = nil) {
        self.scope = scope
        self.mirrors = mirrors
        self.resolvesTags = resolvesTags
        self.authorization = authorization
    }

    /// The folder's name below containerd's `config_path`.
    package var folder: String {
        switch scope {
        case .all: Self.standardFolder
        case .registry(let host): host.description
        case .folder(let name): name
        }
    }

    static let standardFolder = "_default"

    /// The names that ``folder`` may have as well, in the order in which containerd looks for them.
    var folders: [String] { Self.folders(folder) }

    /// containerd's `hostPaths`: a port stands in a folder's name as `_PORT_`, or as it is.
    static func folders(_ name: String) -> [String] {
        guard let colon = name.lastIndex(of: ":") else { return [name] }
        return ["\(name[..<colon])_\(name[name.index(after: colon)...])_", name]
    }

    /// The upstream that is asked when no mirror has it; nil leaves it to the image's own host.
    private var server: String? {
        switch scope {
        case .all, .folder: nil
        case .registry(.dockerHub): "https://registry-1.docker.io"
        case .registry(let host): "\(registryUsesTLS ? "https" : "http")://\(host)"
        }
    }

    /// - Parameters:
    ///   - kept: what was there before; its hosts come after ours, but for those that are ours.
    ///   - keepsServer: whether its `server`, and what else stands outside of its hosts, is kept in place of ours.
    /// - Throws: ``NodeConfigurationError/malformed(path:reason:)`` where both together are no TOML, which containerd
    ///   would pull nothing with.
    func text(
        keeping kept: KeptHosts? = nil, keepsServer: Bool = true, mark: String = HostsFile.mark, path: String = ""
    ) throws(NodeConfigurationError) -> String {
        var text = "\(mark)\n"
        if let server, kept?.hasServer != true || !keepsServer { text += "server = \(quoted(server))\n" }
        if keepsServer, let top = kept?.top.text.trimmingNewlines, !top.isEmpty { text += "\(top)\n" }
        var ours: Set<Substring> = []
        for mirror in mirrors where ours.insert(mirror.withoutSlash).inserted { text += table(of: mirror) }
        for table in kept?.tables ?? [] where keepsServer || table.isHost {
            if let host = table.host, ours.contains(host.withoutSlash) { continue }
            text += "\n" + table.text.trimmingNewlines + "\n"
        }
        guard (try? TOMLTable(string: text)) != nil else {
            throw .malformed(path: path, reason: "with ours before it, it would be no TOML; it stays as it is")
        }
        return text
    }

    private func table(of mirror: String) -> String {
        var text = "\n[host.\(quoted(mirror))]\n"
        text += resolvesTags ? "capabilities = [\"pull\", \"resolve\"]\n" : "capabilities = [\"pull\"]\n"
        // A node that is down must cost a pull next to nothing.
        text += "dial_timeout = \"200ms\"\n"
        if let certificateAuthority { text += "ca = \(quoted(certificateAuthority))\n" }
        if let (certificate, key) = clientCertificate {
            text += "client = [[\(quoted(certificate)), \(quoted(key))]]\n"
        }
        if let authorization {
            text += "[host.\(quoted(mirror)).header]\nAuthorization = \(quoted(authorization))\n"
        }
        return text
    }

    /// The first line of what is ours.
    package static let mark = "# Written by weir node-config; 'weir node-config restore' puts back what was here."
    /// The same in Spegel's form.
    package static let spegelMark =
        "# Written by weir spegel configuration; 'weir spegel cleanup' puts back what was here."
}

/// A basic string of TOML.
func quoted(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
        switch scalar {
        case "\"": result += "\\\""
        case "\\": result += "\\\\"
        case _ where scalar.value < 0x20 || scalar.value == 0x7F:
            result += "\\u" + String(repeating: "0", count: scalar.value < 16 ? 3 : 2) + String(scalar.value, radix: 16)
        default: result.unicodeScalars.append(scalar)
        }
    }
    return result + "\""
}

extension String {
    fileprivate var withoutSlash: Substring { hasSuffix("/") ? dropLast() : self[...] }

    fileprivate var trimmingNewlines: String {
        String(reversed().drop { $0 == "\n" }.reversed())
    }
}
