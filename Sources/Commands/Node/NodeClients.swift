internal import AsyncHTTPClient
internal import KademliaRouting
internal import KubernetesClient
internal import LibP2P
internal import Logging
internal import PeerRegistry

/// The HTTP clients of a node, one for each kind of certificate, and whom it asks for its first peers.
struct NodeClients {
    let peers: PeerHTTPClient
    let central: PeerHTTPClient
    private(set) var bootstrap: [any BootstrapSource] = []
    private var others: [PeerHTTPClient] = []
    private var clusters: [KubernetesClient] = []

    /// - Throws: ``CommandFailure`` where a file cannot be used, or a cluster cannot be found.
    init(_ configuration: NodeConfiguration, logger: Logger) throws(CommandFailure) {
        let peers = try Self.client(
            connect: configuration.registry.answerTimeout, stall: configuration.registry.stallTimeout,
            tls: configuration.peerTLS)
        self.peers = peers
        do throws(CommandFailure) {
            central = try Self.client(
                connect: .seconds(2), stall: configuration.registry.centralTimeout, tls: configuration.centralTLS)
        } catch {
            try? peers.syncShutdown()
            throw error
        }
        do throws(CommandFailure) {
            for source in configuration.bootstrap { try add(source, port: configuration.peerPort, logger: logger) }
        } catch {
            for client in [peers, central] + others { try? client.syncShutdown() }
            throw error
        }
    }

    private static func client(
        connect: Duration, stall: Duration, tls: PeerHTTP.TLS
    ) throws(CommandFailure) -> PeerHTTPClient {
        do throws(PeerTLSError) {
            return try PeerHTTP.client(connect: connect, stall: stall, tls: tls)
        } catch {
            throw CommandFailure(.usage, "\(error)")
        }
    }

    private mutating func add(
        _ source: NodeConfiguration.Bootstrap, port: Int, logger: Logger
    ) throws(CommandFailure) {
        switch source {
        case .addresses(let list): bootstrap.append(StaticBootstrap(list.map { $0.withPort(port) }))
        case .dns(let name): bootstrap.append(DNSBootstrap(name: name, port: port))
        case .http(let url, let tls):
            let client = try Self.client(connect: .seconds(5), stall: .seconds(10), tls: tls)
            others.append(client)
            bootstrap.append(HTTPBootstrap(url: url, port: port) { try await client.execute($0, timeout: $1) })
        case .annotations(let annotations):
            let client = KubernetesClient(
                try ClusterAccess.connection(kubeconfig: annotations.kubeconfig, context: annotations.context),
                userAgent: "weir/\(Version.text)", logger: logger)
            clusters.append(client)
            bootstrap.append(
                KubernetesBootstrap(
                    client: client, names: annotations.names, ownNode: annotations.ownNode, port: port))
        }
    }

    /// Reads the files of all of them again.
    func reloadCertificates() throws { for client in [peers, central] + others { try client.reloadCertificates() } }

    func shutdown() async {
        for client in [peers, central] + others { try? await client.shutdown() }
        for client in clusters { await client.shutdown() }
    }
}
