package import OCI

/// What is written for one registry, or for all that have no file of their own.
package struct HostsFile: Sendable, Hashable {
    package enum Scope: Sendable, Hashable {
        case registry(RegistryHost)
        /// `_default`.
        case all
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
        case .all: "_default"
        case .registry(let host): host.description
        }
    }

    /// The upstream that is asked when no mirror has it; nil leaves it to the image's own host.
    private var server: String? {
        switch scope {
        case .all: nil
        case .registry(.dockerHub): "https://registry-1.docker.io"
        case .registry(let host): "\(registryUsesTLS ? "https" : "http")://\(host)"
        }
    }

    /// - Parameter kept: tables of hosts that were there before, to come after ours, as they were written.
    package func text(kept: [TableText] = []) -> String {
        var text = "\(HostsFile.mark)\n"
        if let server { text += "server = \(quoted(server))\n" }
        for mirror in mirrors {
            text += "\n[host.\(quoted(mirror))]\n"
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
        }
        for table in kept { text += "\n" + table.text.trimmingNewlines + "\n" }
        return text
    }

    /// The first line of what is ours.
    package static let mark = "# Written by weir node-config; 'weir node-config restore' puts back what was here."
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
    fileprivate var trimmingNewlines: String {
        String(reversed().drop { $0 == "\n" }.reversed())
    }
}
