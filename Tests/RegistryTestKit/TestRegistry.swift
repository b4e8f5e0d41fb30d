internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix
internal import NIOSSL
package import OCI

/// A registry in this process that can be told to do everything wrong.
///
/// ```swift
/// try await TestRegistry.withRunning { registry in
///     let image = registry.addImage(repository: "library/nginx", tag: "1.27", layerSizes: [100_000])
///     let stall = registry.inject(.stallBody(afterBytes: 1000), for: .blobGets.of(image.blobs[1].digest))
///     async let pull = client.pull(registry.host, "library/nginx:1.27")
///     try await stall.waitUntilHolding()
///     stall.release()
///     try await pull
///     #expect(registry.requests(matching: .blobGets).count == 2)
/// }
/// ```
///
/// Speaks HTTP/1.1 on one address of the loopback network and a port of the system's choice, by TLS where it is given
/// certificates. Everything may be changed while it runs, from any task.
package final class TestRegistry: Sendable {
    struct Repository: Sendable {
        var manifests: [Digest: TestContent] = [:]
        var tags: [String: Digest] = [:]
        var blobs: [Digest: ByteBuffer] = [:]
        /// Descriptors, as JSON, of what refers to a manifest; with the artifact type.
        var referrers: [Digest: [(artifactType: String, descriptor: String)]] = [:]
    }

    struct State: Sendable {
        var repositories: [String: Repository] = [:]
        var access = Access.open
        var tokenAuthority: TokenAuthority?
        var rateLimit: RateLimit?
        var hub: SimulatedHub?
        var supportsReferrers = true
        var faults: [InjectedFault] = []
        /// Every request; those before `forgottenCount` are no longer shown.
        var log: [RequestRecord] = []
        var forgottenCount = 0
        var isUp = false
        var connections: [Int: any Channel] = [:]
        var connectionCount = 0
        var server: (any Channel)?
        var portHolder: PortHolder?
    }

    /// An address of the loopback network: `127.0.0.1`, or another of `127.0.0.0/8` for a second host.
    package let address: String
    package let port: Int
    package let tls: ServerTLS?
    let state = Watched(State())
    let sslContext: NIOSSLContext?

    private init(address: String, port: Int, tls: ServerTLS?, sslContext: NIOSSLContext?) {
        self.address = address
        self.port = port
        self.tls = tls
        self.sslContext = sslContext
    }

    /// Binds and listens; end it with ``stop()``.
    package static func start(address: String = "127.0.0.1", tls: ServerTLS? = nil) async throws -> TestRegistry {
        let holder = try PortHolder(address: address)
        let registry = TestRegistry(
            address: address, port: holder.port, tls: tls, sslContext: try tls.map { try $0.makeContext() })
        registry.state.update { $0.portHolder = holder }
        try await registry.resume()
        return registry
    }

    /// Runs `body` with a registry that lives no longer.
    package static func withRunning<Result>(
        address: String = "127.0.0.1", tls: ServerTLS? = nil, _ body: (TestRegistry) async throws -> Result
    ) async throws -> Result {
        let registry = try await start(address: address, tls: tls)
        do {
            let result = try await body(registry)
            await registry.stop()
            return result
        } catch {
            await registry.stop()
            throw error
        }
    }

    /// `http://127.0.0.1:PORT`, without a slash at the end.
    package var url: String { url(name: address) }

    /// The address by another name that resolves to it, such as `localhost`.
    package func url(name: String) -> String { "\(tls == nil ? "http" : "https")://\(name):\(port)" }

    /// `127.0.0.1:PORT`
    package var authority: String { "\(address):\(port)" }

    /// The host for references and configurations.
    package var host: RegistryHost {
        get throws { try RegistryHost(authority) }
    }

    // MARK: Up and down

    /// Closes the port and every connection: the host refuses connections until ``resume()``. Nobody else gets the
    /// port in between.
    package func goDown() async {
        // Held before it is closed: otherwise another test's socket might get it.
        let holder = try? PortHolder(address: address, port: port)
        let (server, connections) = state.update { state in
            let server = state.server
            state.server = nil
            state.isUp = false
            if state.portHolder == nil { state.portHolder = holder }
            return (server, Array(state.connections.values))
        }
        try? await server?.close()
        for connection in connections { connection.close(promise: nil) }
        try? await state.wait(for: "connections to close") { $0.connections.isEmpty }
    }

    /// Listens again, on the same port.
    package func resume() async throws {
        guard state.read({ $0.server == nil }) else { return }
        state.update { $0.isUp = true }
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.backlog, value: 512)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.socketOption(.tcp_nodelay), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try self.accept(channel) }
            }
            .bind(host: address, port: port).get()
        state.update { state in
            state.server = channel
            state.portHolder = nil
        }
    }

    /// Ends it. Whatever a fault still holds up is dropped.
    package func stop() async {
        await goDown()
        state.update { $0.portHolder = nil }
    }

    private func accept(_ channel: any Channel) throws {
        if let sslContext { try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: sslContext)) }
        try channel.pipeline.syncOperations.addHandler(ByteToMessageHandler(HTTPRequestDecoder()))
        let connection = try NIOAsyncChannel<HTTPServerRequestPart, ByteBuffer>(wrappingChannelSynchronously: channel)
        let id = state.update { state in
            state.connectionCount += 1
            state.connections[state.connectionCount] = channel
            return state.connectionCount
        }
        // Accepted just before the port was closed.
        if state.read({ !$0.isUp }) { channel.close(promise: nil) }
        // A task of its own for each connection, since NIO accepts outside of any; `goDown` waits for all of them.
        let task = Task {
            await self.serve(connection, id: id)
            self.state.update { $0.connections[id] = nil }
        }
        // A client that leaves ends what a gate holds up.
        channel.closeFuture.whenComplete { _ in task.cancel() }
    }
}
