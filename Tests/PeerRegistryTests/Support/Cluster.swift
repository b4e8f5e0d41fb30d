import AsyncHTTPClient
import LibP2P
import Listening
import Logging
import NIOCore
import NIOHTTP1
import NIOPosix
import NodeContent
import OCI
import PeerGrants
import PeerRouting
import RegistryServer
import ServiceLifecycle
import Synchronization

@testable import PeerRegistry

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Nodes on addresses of the loopback, all on one port, as in a cluster.
struct Cluster: Sendable {
    let nodes: [Node]
    /// The client of the tests, more patient than that of the nodes.
    let client: HTTPClient
    private let swarm: InMemorySwarm

    /// Has somebody said to have `digest` whose machine is there, with nobody who listens.
    func advertiseClosed(_ digest: Digest) {
        let peer = ContentPeer(identifier: "closed", addresses: [Self.address(nodes.count)])
        InMemoryRouter(swarm, as: peer).advertise([RoutingKey(digest)])
    }

    struct Node: Sendable {
        let content: MemoryContent
        let registry: PeerRegistry
        let advertiser: Advertiser
        let router: InMemoryRouter
        let address: String
        let origin: String
        let grants: PeerGrants?

        /// Puts content here and says so.
        func share(_ bytes: [UInt8]) -> Digest {
            let digest = content.put(bytes)
            router.advertise([RoutingKey(digest)])
            return digest
        }

        /// Says that it has `digest`, and gives something else.
        func lie(_ blob: MemoryContent.Blob, as digest: Digest) {
            content.put(digest, blob)
            router.advertise([RoutingKey(digest)])
        }
    }

    static func with<Result: Sendable>(
        _ count: Int, filter: RegistryFilter = .open, authorization: String? = nil,
        configure: (inout PeerRegistryConfiguration) -> Void = { _ in }, grants: [PeerGrants] = [],
        _ body: (Cluster) async throws -> Result
    ) async throws -> Result {
        var attempts = 0
        while true {
            do {
                return try await attempt(
                    count, filter: filter, authorization: authorization, configure: configure, grants: grants, body)
            } catch let error as RegistryServerError {
                // Somebody took the port between the look at it and its use; the body has not begun.
                attempts += 1
                guard attempts < 10 else { throw error }
            }
        }
    }

    private static func attempt<Result: Sendable>(
        _ count: Int, filter: RegistryFilter, authorization: String?,
        configure: (inout PeerRegistryConfiguration) -> Void, grants: [PeerGrants],
        _ body: (Cluster) async throws -> Result
    ) async throws -> Result {
        let port = try await freePort(count)
        var configuration = PeerRegistryConfiguration()
        configuration.registryPort = port
        configuration.authorization = authorization
        // Long enough for a machine that does a hundred other things.
        configuration.resolveTimeout = .seconds(10)
        configuration.answerTimeout = .seconds(20)
        configuration.manifestTimeout = .seconds(20)
        configuration.stallTimeout = .seconds(10)
        configure(&configuration)
        let client = try PeerHTTP.client(connect: configuration.answerTimeout, stall: configuration.stallTimeout)
        let asking = HTTPClient(eventLoopGroupProvider: .singleton)
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let swarm = InMemorySwarm()
        let nodes = (0..<count).map { index in
            let address = address(index)
            let grants = index < grants.count ? grants[index] : nil
            let router = InMemoryRouter(
                swarm,
                as: ContentPeer(identifier: grants?.node.description ?? "peer\(index)", addresses: [address]))
            let content = MemoryContent()
            let metrics = NodeMetrics(usesSpegelNames: true)
            var pace = Advertiser.Configuration()
            pace.settleTime = .milliseconds(1)
            pace.retryMin = .milliseconds(1)
            let advertiser = Advertiser(
                content: content, routing: router, filter: filter, configuration: pace, metrics: metrics,
                logger: logger)
            let registry = PeerRegistry(
                configuration: configuration, content: content, routing: router, filter: filter,
                advertiser: advertiser, peerClient: client, centralClient: client, grants: grants, metrics: metrics,
                logger: logger)
            return Node(
                content: content, registry: registry, advertiser: advertiser, router: router, address: address,
                origin: "http://\(address):\(port)", grants: grants)
        }
        let cluster = Cluster(nodes: nodes, client: asking, swarm: swarm)
        do {
            let result = try await cluster.serve(authorization: authorization, logger: logger, body)
            try await client.shutdown()
            try await asking.shutdown()
            return result
        } catch {
            try? await client.shutdown()
            try? await asking.shutdown()
            throw error
        }
    }

    private func serve<Result: Sendable>(
        authorization: String?, logger: Logger, _ body: (Cluster) async throws -> Result
    ) async throws -> Result {
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            for node in nodes {
                var configuration = RegistryServer.Configuration(listen: [String(node.origin.dropFirst(7))])
                configuration.drainTimeout = .zero
                let server = RegistryServer(
                    configuration: configuration, node: node.registry, authorization: authorization,
                    localClients: node.grants == nil ? nil : AddressBlock(Self.testAddress).map { [$0] } ?? [],
                    pages: ["/livez": { _ in OperationalAnswer(body: "ok\n") }], logger: logger)
                tasks.addTask { try await server.run() }
                _ = try await server.boundAddresses()
            }
            defer { tasks.cancelAll() }
            return try await body(self)
        }
    }

    /// A port that is free on every address: below those that the kernel gives to clients, and no two the same here.
    private static func freePort(_ count: Int) async throws -> Int {
        while true {
            let number = ports.withLock { next in
                next += 1
                return next
            }
            let port = 20_000 + (Int(getpid()) &* 97 &+ number) % 10_000
            do {
                for index in 0..<count {
                    let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                        .bind(host: address(index), port: port).get()
                    try await channel.close()
                }
                return port
            } catch let error as IOError where error.errnoCode == EADDRINUSE {
                continue
            }
        }
    }

    /// Of this process alone, as many run such tests on one machine.
    private static func address(_ index: Int) -> String {
        let process = Int(getpid())
        return "127.\(1 + process / 250 % 250).\(1 + process % 250).\(index + 2)"
    }

    /// Where the tests' own requests come from.
    private static let testAddress = "127.0.0.1"

    private static let ports = Mutex(0)

    struct Answer: Sendable {
        let status: Int
        let headers: HTTPHeaders
        let body: [UInt8]
        /// Whether the body ended as it should.
        let isWhole: Bool
    }

    func get(_ node: Int, _ path: String, method: HTTPMethod = .GET, fields: [(String, String)] = []) async throws
        -> Answer
    {
        var request = HTTPClientRequest(url: nodes[node].origin + path)
        request.method = method
        for (name, value) in fields { request.headers.add(name: name, value: value) }
        let response = try await client.execute(request, timeout: .seconds(40))
        var body: [UInt8] = []
        var isWhole = true
        do {
            for try await bytes in response.body { body += bytes.readableBytesView }
        } catch {
            isWhole = false
        }
        return Answer(status: Int(response.status.code), headers: response.headers, body: body, isWhole: isWhole)
    }

    func blob(_ node: Int, _ digest: Digest, fields: [(String, String)] = []) async throws -> Answer {
        try await get(node, "/v2/library/x/blobs/\(digest)?ns=docker.io", fields: fields)
    }
}

/// Some bytes that are the same for the same seed.
func noise(_ count: Int, seed: UInt64 = 1) -> [UInt8] {
    var state = seed &* 0x9E37_79B9_7F4A_7C15 | 1
    return (0..<count).map { _ in
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return UInt8(truncatingIfNeeded: state >> 32)
    }
}

/// A manifest that names a configuration and a layer.
func manifest(config: Digest, layer: Digest) -> [UInt8] {
    let text = """
        {"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",\
        "config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"\(config)","size":10},\
        "layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","digest":"\(layer)","size":10}]}
        """
    return Array(text.utf8)
}

/// Whether two long texts are the same; `#expect` alone would take minutes to say where they are not.
func isSame(_ left: [UInt8], _ right: [UInt8]) -> Bool { left == right }
