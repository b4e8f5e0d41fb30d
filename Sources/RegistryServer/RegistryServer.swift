package import Listening
package import Logging
internal import NIOCore
internal import NIOHTTP2
internal import NIOPosix
internal import PeerGrants
package import PeerRegistry
package import PullThroughCache
package import Rules
internal import ServiceLifecycle
internal import Synchronization
internal import Timekeeping

/// The registry's own port: HTTP/1.1, and HTTP/2 over TLS, on SwiftNIO.
package final class RegistryServer: Sendable {
    private let configuration: Configuration
    private let dispatcher: any RequestDispatching
    private let metrics: ServerMetrics
    private let logger: Logger
    private let tls = Mutex<ServingCertificate?>(nil)
    private let bound: EventLoopPromise<[String]>

    /// - Parameters:
    ///   - rules: asked for every request, so that a reload takes effect at once.
    ///   - operations: answers for paths outside `/v2/`, such as `/healthz` and `/metrics`.
    ///   - peers: what peers are given; nil treats them as clients.
    ///   - grants: signs what nodes may have of private repositories; nil signs nothing.
    package init(
        configuration: Configuration, content: any ContentSource, rules: @escaping @Sendable () -> RuleTable,
        operations: [String: @Sendable () async -> OperationalAnswer], peers: PeerSide? = nil,
        grants: GrantPage? = nil, logger: Logger
    ) {
        self.configuration = configuration
        let limitBytes = min(Self.targetLimitBytes, configuration.headerLimitBytes)
        let clients = Dispatcher(
            content: content, rules: rules, operations: operations, grants: grants,
            cacheName: configuration.cacheName, targetLimitBytes: limitBytes)
        dispatcher =
            peers.map { peers in
                SharingDispatcher(
                    clients: clients,
                    peers: NodeDispatcher(
                        node: peers.node, authorization: nil, pages: [:], targetLimitBytes: limitBytes),
                    mayFetch: peers.mayFetch)
            } ?? clients
        metrics = ServerMetrics()
        self.logger = logger
        bound = MultiThreadedEventLoopGroup.singleton.next().makePromise()
    }

    /// The registry of a node that shares its images, as Spegel answers.
    ///
    /// - Parameters:
    ///   - node: nil where only `pages` are served.
    ///   - authorization: what clients have to say, `Basic …`; nil lets everybody in.
    ///   - localClients: who is asked for no grant; nil for everybody, where there are no grants.
    ///   - usesSpegelNames: whether requests are counted under Spegel's names, too.
    ///   - pages: answers for paths outside `/v2`, told the query.
    package init(
        configuration: Configuration, node: (any NodeRegistry)?, authorization: String? = nil,
        localClients: [AddressBlock]? = nil, usesSpegelNames: Bool = false,
        pages: [String: @Sendable (PageQuery) async -> OperationalAnswer], logger: Logger
    ) {
        self.configuration = configuration
        dispatcher = NodeDispatcher(
            node: node, authorization: authorization, pages: pages,
            targetLimitBytes: min(Self.targetLimitBytes, configuration.headerLimitBytes), localClients: localClients)
        metrics = ServerMetrics(usesSpegelNames: usesSpegelNames)
        self.logger = logger
        bound = MultiThreadedEventLoopGroup.singleton.next().makePromise()
    }

    deinit { bound.fail(CancellationError()) }

    /// No name, reference and query that a registry knows comes near to it.
    private static let targetLimitBytes = 8 << 10

    /// Listens until a graceful shutdown, then lets running transfers end, for ``Configuration/drainTimeout`` at the
    /// longest. Where its task is cancelled instead, every connection is closed at once.
    ///
    /// To be called once. Throws ``RegistryServerError`` where it cannot listen.
    package func run() async throws {
        do {
            try await serve()
        } catch {
            bound.fail(error)
            throw error
        }
    }

    /// Reads certificate and key again. Connections under way keep what they have, and where the files cannot be
    /// read, new ones too.
    package func reloadCertificate() throws(RegistryServerError) {
        do { try tls.withLock({ $0 })?.reload() } catch { throw RegistryServerError(error) }
    }

    /// The addresses listened on, once ``run()`` listens; suspends until then.
    package func boundAddresses() async throws -> [String] { try await bound.futureResult.get() }

    private func serve() async throws {
        let connections = ConnectionTable(limit: configuration.connectionLimit) { [metrics] in
            metrics.record(connections: $0)
        }
        let environment = ServerEnvironment(
            configuration: configuration, dispatcher: dispatcher, connections: connections, metrics: metrics,
            date: DateField(clock: SystemWallClock()), refreshAllowedFrom: try addressBlocks(), logger: logger)
        let holder = try servingCertificate()
        tls.withLock { $0 = holder }
        let listeners = try await listen(ConnectionPipeline(environment: environment, tls: holder))
        let addresses = listeners.compactMap { $0.localAddress.map(ListenAddress.text) }
        bound.succeed(addresses)
        logger.info("listening", metadata: ["addresses": "\(addresses.joined(separator: ", "))"])

        let isCancelled: Bool
        do {
            try await gracefulShutdown()
            isCancelled = false
        } catch {
            isCancelled = true
        }
        for listener in listeners { try? await listener.close() }
        let eventLoop = MultiThreadedEventLoopGroup.singleton.next()
        await connections.drain(timeout: isCancelled ? .zero : configuration.drainTimeout, on: eventLoop)
    }

    private func addressBlocks() throws(RegistryServerError) -> [AddressBlock] {
        var blocks: [AddressBlock] = []
        for text in configuration.refreshAllowedFrom {
            guard let block = AddressBlock(text) else { throw .malformedAddressBlock(text) }
            blocks.append(block)
        }
        return blocks
    }

    private func listen(_ pipeline: ConnectionPipeline) async throws -> [any Channel] {
        let bootstrap = ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.backlog, value: 4096)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelOption(.writeBufferWaterMark, value: .init(low: 32 << 10, high: 128 << 10))
            // Requests are small: a large buffer would be held by every idle connection.
            .childChannelOption(
                .recvAllocator, value: AdaptiveRecvByteBufferAllocator(minimum: 512, initial: 1024, maximum: 16 << 10)
            )
            .childChannelInitializer { pipeline.configure($0) }
        do throws(ListeningError) {
            return try await Listeners.open(
                configuration.listen, setting: configuration.listenSetting, by: bootstrap)
        } catch {
            throw RegistryServerError(error)
        }
    }

    private func servingCertificate() throws(RegistryServerError) -> ServingCertificate? {
        guard let files = configuration.tls else { return nil }
        do throws(ListeningError) {
            return try ServingCertificate(files, protocols: NIOHTTP2SupportedALPNProtocols)
        } catch {
            throw RegistryServerError(error)
        }
    }
}
