package import KubernetesClient
package import LibP2P

/// Peers by the annotations that K3s and RKE2 keep on their nodes, asked of the Kubernetes API.
///
/// Only the nodes' metadata is fetched, of at most 100 nodes: a few peers tell of all others. The account needs `list` of
/// `nodes`.
package struct KubernetesBootstrap: BootstrapSource {
    private let client: KubernetesClient
    private let names: K3sNames
    private let ownNode: String?
    private let port: Int

    /// - Parameters:
    ///   - ownNode: the name of the node we run on, which is passed over.
    ///   - port: for addresses that are an IP address alone.
    package init(client: KubernetesClient, names: K3sNames, ownNode: String?, port: Int) {
        self.client = client
        self.names = names
        self.ownNode = ownNode
        self.port = port
    }

    package var name: String { "the annotations of the cluster's nodes" }

    private struct Node: Decodable {
        struct Metadata: Decodable {
            var name: String
            var annotations: [String: String]?
        }

        var metadata: Metadata
    }

    package func addresses() async throws -> [Multiaddr] {
        let page = try await client.list(
            .nodes, of: Node.self, labelSelector: "\(names.enabledLabel)=true", limit: Self.nodeCountMax,
            metadataOnly: true)
        return page.items.prefix(Self.nodeCountMax).filter { $0.metadata.name != ownNode }.flatMap {
            names.addresses(in: $0.metadata.annotations ?? [:], port: port)
        }
    }

    private static let nodeCountMax = 100
}
