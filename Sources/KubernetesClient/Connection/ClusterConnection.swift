/// How an API server is reached, and as whom.
package struct ClusterConnection: Sendable, Hashable {
    package struct Server: Sendable, Hashable, CustomStringConvertible {
        package var usesTLS: Bool
        /// A name or an address, an IPv6 one without brackets.
        package var host: String
        package var port: Int
        /// What stands before `/api`, without a slash at the end; usually empty.
        package var path: String

        package init(usesTLS: Bool = true, host: String, port: Int, path: String = "") {
            self.usesTLS = usesTLS
            self.host = host
            self.port = port
            self.path = path
        }

        /// As in a URL.
        var authority: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }

        package var description: String { "\(usesTLS ? "https" : "http")://\(authority)\(path)" }
    }

    /// Bytes given, or a file that is read again when it may have changed.
    package enum Source: Sendable, Hashable {
        case data([UInt8])
        case file(String)
    }

    package enum Trust: Sendable, Hashable {
        case system
        /// PEM.
        case authorities(Source)
        /// Nobody is who they say they are.
        case nothingVerified
    }

    package struct ClientCertificate: Sendable, Hashable {
        /// PEM.
        package var chain: Source
        /// PEM.
        package var key: Source

        package init(chain: Source, key: Source) {
            self.chain = chain
            self.key = key
        }
    }

    package enum Proof: Sendable, Hashable {
        case none
        case token(String)
        /// Read again as the kubelet replaces it.
        case tokenFile(String)
        case plugin(ExecPlugin)
    }

    package enum Proxy: Sendable, Hashable {
        case http(host: String, port: Int)
        case socks5(host: String, port: Int)
    }

    package var server: Server
    package var trust: Trust
    /// The name that the server's certificate is for, where it is not the host's.
    package var serverName: String?
    package var proxy: Proxy?
    package var clientCertificate: ClientCertificate?
    package var proof: Proof
    /// Where requests without a namespace of their own go.
    package var namespace: String

    package init(
        server: Server, trust: Trust = .system, serverName: String? = nil, proxy: Proxy? = nil,
        clientCertificate: ClientCertificate? = nil, proof: Proof = .none, namespace: String = "default"
    ) {
        self.server = server
        self.trust = trust
        self.serverName = serverName
        self.proxy = proxy
        self.clientCertificate = clientCertificate
        self.proof = proof
        self.namespace = namespace
    }
}

/// Why a configuration does not say how to reach an API server.
package enum ClusterConnectionError: Error, Hashable, CustomStringConvertible {
    case notInCluster(reason: String)
    case unreadable(path: String)
    case malformed(path: String, reason: String)
    case incomplete(reason: String)

    package var description: String {
        switch self {
        case .notInCluster(let reason): "this does not run in a cluster: \(reason)"
        case .unreadable(let path): "\(path) cannot be read"
        case .malformed(let path, let reason): "\(path): \(reason)"
        case .incomplete(let reason): reason
        }
    }
}
