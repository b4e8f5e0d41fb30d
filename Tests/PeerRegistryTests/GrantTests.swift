import AsyncHTTPClient
import LibP2P
import Logging
import NIOCore
import NIOHTTP1
import NodeContent
import OCI
import PeerGrants
import PeerRouting
import PullThroughCache
import RegistryServer
import Rules
import Testing

@testable import PeerRegistry

/// Nodes and a central Weir that speak over real sockets.
@Suite struct GrantTests {
    @Test
    func `a private image goes to a node that the central Weir granted it to, and to no other`() async throws {
        try await withCentral { central, cluster in
            let (digest, bytes) = try await central.shareLayer(of: "team/app", on: cluster)
            for node in 0..<3 { try await central.renew(cluster.nodes[node], token: node == 2 ? "guests" : "workers") }
            let path = "/v2/team/app/blobs/\(digest)?ns=ghcr.io"
            let granted = try await cluster.get(1, path)
            #expect(granted.status == 200)
            #expect(isSame(granted.body, bytes))
            #expect(try await cluster.get(2, path).status == 404)
            // Nor under the name of something public, nor by leaving out what a peer says.
            #expect(try await cluster.get(2, "/v2/library/x/blobs/\(digest)?ns=docker.io").status == 404)
            let head = try await cluster.get(1, path, method: .HEAD)
            #expect(head.status == 200)
        }
    }

    @Test
    func `a private tag and its manifest need a grant as well`() async throws {
        try await withCentral { central, cluster in
            let (digest, _) = try await central.shareLayer(of: "team/app", on: cluster)
            for node in 0..<3 { try await central.renew(cluster.nodes[node], token: node == 2 ? "guests" : "workers") }
            let tag = try Tag("1.0")
            cluster.nodes[0].router.advertise([
                RoutingKey(registry: try RegistryHost("ghcr.io"), repository: try RepositoryName("team/app"), tag: tag)
            ])
            for path in ["/v2/team/app/manifests/1.0?ns=ghcr.io", "/v2/team/app/manifests/\(digest)?ns=ghcr.io"] {
                #expect(try await cluster.get(0, path, fields: mirrored).status == 404)
            }
            let manifest = try #require(cluster.nodes[0].advertiser.keys.all.first { $0.description.contains("1.0") })
            #expect(manifest.description == "ghcr.io/team/app:1.0")
            #expect(try await cluster.get(1, "/v2/team/app/manifests/1.0?ns=ghcr.io").status == 200)
            #expect(try await cluster.get(2, "/v2/team/app/manifests/1.0?ns=ghcr.io").status == 404)
        }
    }

    @Test
    func `who is not on the machine is a peer, whatever it says`() async throws {
        try await withCentral { central, cluster in
            let (digest, _) = try await central.shareLayer(of: "team/app", on: cluster)
            try await central.renew(cluster.nodes[0], token: "workers")
            let path = "/v2/team/app/blobs/\(digest)?ns=ghcr.io"
            #expect(try await cluster.get(0, path).status == 200)
            #expect(try await cluster.get(0, path, fields: mirrored).status == 404)
        }
    }

    @Test
    func `what is public goes to everybody, also to nodes that know nothing of grants`() async throws {
        try await withCentral { central, cluster in
            let (digest, _) = try await central.shareLayer(of: "library/x", registry: "docker.io", on: cluster)
            let path = "/v2/library/x/blobs/\(digest)?ns=docker.io"
            // Until the central Weir was heard nothing is known to be public.
            #expect(try await cluster.get(0, path, fields: mirrored).status == 404)
            try await central.renew(cluster.nodes[0], token: "guests")
            #expect(try await cluster.get(0, path, fields: mirrored).status == 200)
        }
    }

    @Test
    func `a node that the central Weir does not know is told so, and one that asks elsewhere too`() async throws {
        try await withCentral { central, cluster in
            await #expect(throws: GrantRenewalError.status(403)) {
                try await central.renew(cluster.nodes[0], token: "unknown")
            }
            await #expect(throws: GrantRenewalError.status(404)) {
                try await central.renew(cluster.nodes[0], token: "workers", at: cluster.nodes[1].origin)
            }
            let answer = try await cluster.client.execute(
                HTTPClientRequest(url: central.origin + GrantAnswer.path), timeout: .seconds(20))
            #expect(answer.status == .unauthorized)
        }
    }

    @Test
    func `a flood of wrong proofs is refused, and the node goes on`() async throws {
        try await withCentral { central, cluster in
            let (digest, _) = try await central.shareLayer(of: "team/app", on: cluster)
            for node in 0..<2 { try await central.renew(cluster.nodes[node], token: "workers") }
            let path = "/v2/team/app/blobs/\(digest)?ns=ghcr.io"
            for text in ["", "a.b.c", String(repeating: ".", count: 500), String(repeating: "A", count: 12_000)] {
                let fields = mirrored + [(PeerCredential.grantField, text), (PeerCredential.proofField, text)]
                #expect(try await cluster.get(0, path, fields: fields).status == 404)
            }
            #expect(try await cluster.get(1, path).status == 200)
        }
    }

    private let mirrored = [("X-Spegel-Mirrored", "true")]

    private func withCentral(_ body: @Sendable (Central, Cluster) async throws -> Void) async throws {
        let key = try Identity()
        let team = try RepositoryScope("ghcr.io/team/*")
        let rules = GrantRules(
            privateScopes: [team],
            nodes: [
                .init(token: "workers", peers: [], scopes: [team]), .init(token: "guests", peers: [], scopes: []),
            ], lifetime: 900)
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let server = RegistryServer(
            configuration: .init(listen: ["127.0.0.1:0"], drainTimeout: .zero), content: NoContent(),
            rules: { RuleTable([], defaultRule: nil) }, operations: [:],
            grants: GrantPage(authority: GrantAuthority(keys: [key]), rules: { rules }), logger: logger)
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await server.run() }
            let address = try #require(try await server.boundAddresses().first)
            let central = Central(origin: "http://\(address)", logger: logger)
            let grants = try (0..<3).map { _ in
                PeerGrants(identity: try Identity(), configuration: .init(pinnedKeys: [GrantKey(key)]))
            }
            defer { tasks.cancelAll() }
            try await Cluster.with(3, grants: grants) { cluster in
                var central = central
                central.client = cluster.client
                try await body(central, cluster)
            }
        }
    }
}

/// The central Weir, as the tests use it.
private struct Central: Sendable {
    let origin: String
    let logger: Logger
    var client: HTTPClient?

    init(origin: String, logger: Logger) {
        self.origin = origin
        self.logger = logger
    }

    func renew(_ node: Cluster.Node, token: String, at other: String? = nil) async throws {
        try await GrantRenewal(
            grants: try #require(node.grants), central: other ?? origin, token: token,
            client: try PeerHTTPClient(#require(client)),
            logger: logger
        ).renew()
    }

    /// Puts an image on the first node.
    /// - Returns: its layer.
    func shareLayer(
        of repository: String, registry: String = "ghcr.io", on cluster: Cluster
    ) async throws -> (Digest, [UInt8]) {
        let bytes = noise(300_000)
        let node = cluster.nodes[0]
        let layer = node.share(bytes)
        let config = node.share(Array("config".utf8))
        let manifest = node.share(manifest(config: config, layer: layer))
        node.content.name(
            NodeImage(
                registry: try RegistryHost(registry), repository: try RepositoryName(repository), tag: try Tag("1.0"),
                digests: [manifest, config, layer]),
            target: manifest)
        await node.advertiser.relist()
        return (layer, bytes)
    }
}

/// A central cache without content.
private struct NoContent: ContentSource {
    func manifestInMemory(_ request: ManifestRequest) -> ManifestAnswer? { nil }
    func manifest(_ request: ManifestRequest) async throws(CacheError) -> ManifestAnswer { throw .manifestUnknown }
    func blobInMemory(_ request: BlobRequest) -> BlobAnswer? { nil }
    func blob(_ request: BlobRequest) async throws(CacheError) -> BlobAnswer { throw .blobUnknown }
    func tags(_ request: TagsRequest) async throws(CacheError) -> TagsAnswer { throw .nameUnknown }
    func referrers(_ request: ReferrersRequest) async throws(CacheError) -> ReferrersAnswer { throw .nameUnknown }
    func repositories(after last: RepositoryKey?, limit: Int) async throws(CacheError) -> [RepositoryKey] { [] }
}
