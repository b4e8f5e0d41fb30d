package import KubernetesClient
internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix
internal import NIOSSL
package import RegistryTestKit
internal import Synchronization

/// An API server that keeps to the conventions of Kubernetes, over real HTTP and TLS, and misbehaves on command.
///
/// Its behaviour follows "Kubernetes API Concepts" and the API conventions: one counter of versions for all kinds, 409 for
/// stale updates, 410 after compaction, chunked watches with bookmarks, continue tokens that expire with their snapshot,
/// `Status` bodies, merge, JSON and apply patches, tokens and client certificates, and rights by verb and name.
package final class TestAPIServer: Sendable {
    /// What was asked.
    package struct Record: Sendable, Hashable {
        package var verb: String
        package var plural: String
        package var namespace: String?
        package var name: String?
        package var user: String
        package var query: [String: String]
        package var contentType: String?
        /// 0 while the answer has not begun.
        package var status: Int
    }

    /// Answers that come in place of the right ones.
    package struct Refusal: Sendable {
        package var verb: String?
        package var plural: String?
        package var count: Int
        package var status: APIStatus

        package init(_ status: APIStatus, verb: String? = nil, plural: String? = nil, count: Int = 1) {
            self.status = status
            self.verb = verb
            self.plural = plural
            self.count = count
        }
    }

    struct State: Sendable {
        var store = ObjectStore()
        var tokens: [String: Account] = [:]
        var certificates: [String: Account] = [:]
        var log: [Record] = []
        var refusals: [Refusal] = []
        var server: (any Channel)?
        /// Nobody else gets the port while the server is down.
        var portHolder: PortHolder?
        var connections: [Int: any Channel] = [:]
        var connectionCount = 0
        var isUp = true
        /// Bytes of one chunk of a watch's stream; nil writes each line as one.
        var chunkBytes: Int?
        var stallsWatches = false
        /// Counts up to have each watch send a bookmark.
        var bookmarks = 0
        /// Watches that are open, by connection.
        var watches: [Int: String] = [:]
        /// Sent once by the next watch, as they are.
        var rawLines: [String] = []
        /// Runs between a request's reading and its doing: for races.
        var interference: (@Sendable (inout ObjectStore) -> Void)?
    }

    package static let kinds: [ResourceKind] = [
        .pods, .nodes, .namespaces, .secrets, .leases, .mutatingWebhookConfigurations, .validatingWebhookConfigurations,
    ]

    package let host: String
    package let port: Int
    package let certificates: TestCertificates?
    private let context: NIOSSLContext?
    let state = Watched(State())

    private init(host: String, port: Int, certificates: TestCertificates?, context: NIOSSLContext?) {
        self.host = host
        self.port = port
        self.certificates = certificates
        self.context = context
    }

    /// - Parameter tls: nil speaks plain HTTP, as `kubectl proxy` does.
    package static func start(
        tls certificates: TestCertificates? = nil, host: String = "127.0.0.1"
    ) async throws -> TestAPIServer {
        let context = try certificates.map { certificates in
            let chain = try NIOSSLCertificate.fromPEMFile(certificates.serverCertificateFile)
            var configuration = TLSConfiguration.makeServerConfiguration(
                certificateChain: chain.map { .certificate($0) },
                privateKey: .privateKey(
                    try NIOSSLPrivateKey(file: certificates.serverKeyFile, format: .pem)))
            // A client may show a certificate, and then it must be a good one; or none.
            configuration.trustRoots = .file(certificates.authorityFile)
            configuration.certificateVerification = .optionalVerification
            configuration.applicationProtocols = ["http/1.1"]
            return try NIOSSLContext(configuration: configuration)
        }
        let holder = try PortHolder(address: host)
        let server = TestAPIServer(host: host, port: holder.port, certificates: certificates, context: context)
        server.state.update { $0.portHolder = holder }
        try await server.resume()
        return server
    }

    /// Runs `body` with a server that lives no longer.
    package static func withRunning<Result>(
        tls certificates: TestCertificates? = nil, host: String = "127.0.0.1",
        _ body: (TestAPIServer) async throws -> Result
    ) async throws -> Result {
        let server = try await start(tls: certificates, host: host)
        do {
            let result = try await body(server)
            await server.stop()
            return result
        } catch {
            await server.stop()
            throw error
        }
    }

    package var address: ClusterConnection.Server {
        ClusterConnection.Server(usesTLS: context != nil, host: host, port: port)
    }

    /// A connection as the account of `token`, or as nobody.
    package func connection(token: String? = nil, namespace: String = "weir") -> ClusterConnection {
        ClusterConnection(
            server: address, trust: certificates.map { .authorities(.file($0.authorityFile)) } ?? .system,
            proof: token.map { .token($0) } ?? .none, namespace: namespace)
    }

    // MARK: Up and down

    package func goDown() async {
        let holder = try? PortHolder(address: host, port: port)
        let (server, connections) = state.update { state in
            defer {
                state.server = nil
                state.isUp = false
                state.portHolder = holder
            }
            return (state.server, Array(state.connections.values))
        }
        try? await server?.close()
        for connection in connections { connection.close(promise: nil) }
        try? await state.wait(for: "connections to close") { $0.connections.isEmpty }
    }

    /// Ends it.
    package func stop() async {
        await goDown()
        state.update { $0.portHolder = nil }
    }

    package func resume() async throws {
        state.update { $0.isUp = true }
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.socketOption(.tcp_nodelay), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try self.accept(channel) }
            }
            .bind(host: host, port: port).get()
        state.update { state in
            state.server = channel
            state.portHolder = nil
        }
    }

    private func accept(_ channel: any Channel) throws {
        if let context { try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: context)) }
        try channel.pipeline.syncOperations.addHandler(ByteToMessageHandler(HTTPRequestDecoder()))
        let connection = try NIOAsyncChannel<HTTPServerRequestPart, ByteBuffer>(wrappingChannelSynchronously: channel)
        let id = state.update { state in
            state.connectionCount += 1
            state.connections[state.connectionCount] = channel
            return state.connectionCount
        }
        if state.read({ !$0.isUp }) { channel.close(promise: nil) }
        // A task of its own for each connection, since NIO accepts outside of any; `goDown` waits for all of them.
        let task = Task {
            await self.serve(connection, id: id)
            self.state.update { $0.connections[id] = nil }
        }
        channel.closeFuture.whenComplete { _ in task.cancel() }
    }
}
