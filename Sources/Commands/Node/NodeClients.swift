internal import AsyncHTTPClient
internal import KademliaRouting
internal import KubernetesClient
internal import LibP2P
internal import Logging
internal import PeerRegistry

/// The HTTP clients of a node, one for each kind of certificate, and whom it asks for its first peers.
struct NodeClients {
    let peers: HTTPClient
    let central: HTTPClient
    private(set) var bootstrap: [any BootstrapSource] = []
    private var others: [HTTPClient] = []
    private var clusters: [KubernetesClient] = []

    /// - Throws: ``CommandFailure`` where a file cannot be used, or a cluster cannot be found.
    init(_ configuration: NodeConfiguration, logger: Logger) throws(CommandFailure) {
        do throws(PeerTLSError) {
            peers = try PeerHTTP.client(
                connect: configuration.registry.answerTimeout, stall: configuration.registry.stallTimeout,
                tls: configuration.peerTLS)
            central = try PeerHTTP.client(
                connect: .seconds(2), stall: configuration.registry.centralTimeout, tls: configuration.centralTLS)
        } catch {
            throw CommandFailure(.usage, "\(error)")
        }
        for source in configuration.bootstrap { try add(source, port: configuration.peerPort, logger: logger) }
    }

    private mutating func add(
        _ source: NodeConfiguration.Bootstrap, port: Int, logger: Logger
    ) throws(CommandFailure) {
        switch source {
        case .addresses(let list): bootstrap.append(StaticBootstrap(list.map { $0.withPort(port) }))
        case .dns(let name): bootstrap.append(DNSBootstrap(name: name, port: port))
        case .http(let url, let tls):
            let client: HTTPClient
            do throws(PeerTLSError) {
                client = try PeerHTTP.client(connect: .seconds(5), stall: .seconds(10), tls: tls)
            } catch {
                throw CommandFailure(.usage, "\(error)")
            }
            others.append(client)
            bootstrap.append(HTTPBootstrap(url: url, port: port, client: client))
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

    func shutdown() async {
        for client in [peers, central] + others { try? await client.shutdown() }
        for client in clusters { await client.shutdown() }
    }
}
