package import AsyncHTTPClient
internal import FoundationEssentials
package import LibP2P
internal import NIOCore
internal import NIOHTTP1

/// Peers by the annotations that K3s and RKE2 keep on their nodes, asked of the Kubernetes API.
///
/// Only the nodes' metadata is fetched, of at most 100 nodes: a few peers tell of all others.
package struct KubernetesBootstrap: BootstrapSource {
    /// A bearer token, read anew for every request as Kubernetes changes it; nil where the client has a certificate.
    package typealias Token = @Sendable () async throws -> String?

    private let server: String
    private let names: K3sNames
    private let ownNode: String?
    private let port: Int
    private let client: HTTPClient
    private let token: Token

    /// - Parameters:
    ///   - server: `https://host:6443`, without a path.
    ///   - ownNode: the name of the node we run on, which is passed over.
    ///   - port: for addresses that are an IP address alone.
    ///   - client: with the cluster's certificates.
    package init(
        server: String, names: K3sNames, ownNode: String?, port: Int, client: HTTPClient,
        token: @escaping Token = { nil }
    ) {
        self.server = server
        self.names = names
        self.ownNode = ownNode
        self.port = port
        self.client = client
        self.token = token
    }

    private struct NodeList: Decodable {
        struct Node: Decodable { var metadata: Metadata }

        struct Metadata: Decodable {
            var name: String
            var annotations: [String: String]?
        }

        var items: [Node]
    }

    package func addresses() async throws -> [Multiaddr] {
        let selector = names.enabledLabel.replacing("/", with: "%2F") + "%3Dtrue"
        var request = HTTPClientRequest(
            url: "\(server)/api/v1/nodes?limit=\(Self.nodeCountMax)&labelSelector=\(selector)")
        request.headers.add(
            name: "Accept", value: "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json")
        if let token = try await token() { request.headers.add(name: "Authorization", value: "Bearer \(token)") }
        let response = try await client.execute(request, timeout: .seconds(10))
        guard response.status == .ok else { throw BootstrapError.refused(status: Int(response.status.code)) }
        let body = try await response.body.collect(upTo: Self.bodyLimitBytes)
        return try parse(Array(body.readableBytesView))
    }

    /// The addresses of all nodes of a list but our own.
    func parse(_ json: [UInt8]) throws(BootstrapError) -> [Multiaddr] {
        guard let list = try? JSONDecoder().decode(NodeList.self, from: Data(json)) else { throw .malformedAnswer }
        return list.items.prefix(Self.nodeCountMax).filter { $0.metadata.name != ownNode }.flatMap {
            names.addresses(in: $0.metadata.annotations ?? [:], port: port)
        }
    }

    private static let nodeCountMax = 100
    private static let bodyLimitBytes = 8 << 20
}
