package import Listening
package import Logging
internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix
internal import NIOSSL
internal import ServiceLifecycle
internal import Synchronization

/// The webhook's own port: HTTPS with HTTP/1.1, which is what API servers speak with webhooks, on SwiftNIO.
package final class AdmissionServer: Sendable {
    package struct Configuration: Sendable, Hashable {
        /// `HOST:PORT` each, for reviews, health and metrics; default `0.0.0.0:9443`.
        package var listen: [String]
        /// Plain HTTP for health and metrics alone.
        package var operationsListen: [String]
        /// Default 8 MiB; an API server takes objects of 3 MiB, and sends the old one along.
        package var bodyLimitBytes: Int
        /// Bodies of all connections together; default 64 MiB.
        package var bodyMemoryBytes: Int
        /// A request from its head to its end; default 10 seconds.
        package var requestTimeout: Duration
        /// A connection without a request. Default 120 seconds: API servers close theirs after 90.
        package var idleTimeout: Duration
        /// Connections at one time; more are closed at once. Default 1024.
        package var connectionLimit: Int
        /// How long answers may take after the shutdown began; default 10 seconds.
        package var drainTimeout: Duration
        /// How often certificate files are looked at; default 10 seconds.
        package var certificateInterval: Duration

        package init(
            listen: [String] = ["0.0.0.0:9443"], operationsListen: [String] = [], bodyLimitBytes: Int = 8 << 20,
            bodyMemoryBytes: Int = 64 << 20, requestTimeout: Duration = .seconds(10),
            idleTimeout: Duration = .seconds(120), connectionLimit: Int = 1024, drainTimeout: Duration = .seconds(10),
            certificateInterval: Duration = .seconds(10)
        ) {
            self.listen = listen
            self.operationsListen = operationsListen
            self.bodyLimitBytes = bodyLimitBytes
            self.bodyMemoryBytes = bodyMemoryBytes
            self.requestTimeout = requestTimeout
            self.idleTimeout = idleTimeout
            self.connectionLimit = connectionLimit
            self.drainTimeout = drainTimeout
            self.certificateInterval = certificateInterval
        }
    }

    private let configuration: Configuration
    private let certificate: ServedCertificate
    private let environment: AdmissionEnvironment
    private let logger: Logger
    private let serving = Mutex<ServingCertificate?>(nil)
    private let bound: EventLoopPromise<[String]>

    /// - Parameter operations: answers for other paths, such as `/healthz` and `/metrics`.
    package init(
        configuration: Configuration = Configuration(), certificate: ServedCertificate, responder: ReviewResponder,
        operations: [String: @Sendable () async -> OperationalAnswer], logger: Logger
    ) {
        self.configuration = configuration
        self.certificate = certificate
        self.logger = logger
        let metrics = WebhookMetrics.shared
        environment = AdmissionEnvironment(
            configuration: configuration, responder: responder, operations: operations,
            connections: ConnectionTable(limit: configuration.connectionLimit) { metrics.record(connections: $0) },
            bodies: BodyMemory(limitBytes: configuration.bodyMemoryBytes), logger: logger)
        bound = MultiThreadedEventLoopGroup.singleton.next().makePromise()
    }

    deinit { bound.fail(CancellationError()) }

    /// The addresses that reviews are taken on, once ``run()`` listens; suspends until then, or until it ends without.
    package func boundAddresses() async throws -> [String] { try await bound.futureResult.get() }

    /// Reads certificate and key again, where they are files; what was there before stays where they cannot be read.
    package func reloadCertificate() throws(ListeningError) {
        guard let certificate = serving.withLock({ $0 }) else { return }
        try certificate.reload()
        WebhookMetrics.shared.record(certificateExpiry: certificate.expiry)
    }

    /// Answers until a graceful shutdown, then lets reviews under way end. Where its task is cancelled instead, every
    /// connection is closed at once. To be called once.
    ///
    /// Throws ``ListeningError`` where it cannot listen, or the certificate's files cannot be used. A provider's certificate
    /// is waited for.
    package func run() async throws {
        do {
            try await serve()
        } catch {
            bound.fail(error)
            throw error
        }
    }

    private func serve() async throws {
        var later: Materials?
        let first: ServingCertificate
        switch certificate {
        case .files(let files): first = try ServingCertificate(files, protocols: Self.protocols)
        case .provider(let provider):
            let materials = Materials(provider.certificates())
            logger.info("the webhook waits for its certificate")
            // A shutdown may come before any certificate.
            guard let given = await cancelWhenGracefulShutdown({ await self.firstCertificate(materials) }) else {
                return bound.fail(CancellationError())
            }
            first = given
            later = materials
        }
        serving.withLock { $0 = first }
        WebhookMetrics.shared.record(certificateExpiry: first.expiry)
        var listeners = try await Listeners.open(configuration.listen, by: bootstrap(first))
        let addresses = listeners.compactMap { $0.localAddress.map(ListenAddress.text) }
        do {
            listeners += try await Listeners.open(configuration.operationsListen, by: bootstrap(nil))
        } catch {
            for listener in listeners { try? await listener.close() }
            throw error
        }
        bound.succeed(addresses)
        logger.info("the webhook listens", metadata: ["addresses": "\(addresses.joined(separator: ", "))"])
        let isCancelled = await untilShutdown(following: first, later)
        for listener in listeners { try? await listener.close() }
        await environment.connections.drain(
            timeout: isCancelled ? .zero : configuration.drainTimeout,
            on: MultiThreadedEventLoopGroup.singleton.next())
    }

    private static let protocols = ["http/1.1"]

    /// Whether the task was cancelled rather than told to end.
    private func untilShutdown(
        following certificate: ServingCertificate, _ materials: Materials?
    ) async -> Bool {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.follow(certificate, materials) }
            defer { group.cancelAll() }
            do {
                try await gracefulShutdown()
                return false
            } catch {
                return true
            }
        }
    }

    // MARK: Certificates

    /// `@unchecked`: handed to one task, which alone iterates.
    private final class Materials: @unchecked Sendable {
        var iterator: AsyncStream<CertificateMaterial>.AsyncIterator

        init(_ stream: AsyncStream<CertificateMaterial>) { iterator = stream.makeAsyncIterator() }
    }

    /// The first that can be used: whoever provides them may mend one that cannot. Nil once cancelled.
    private func firstCertificate(_ materials: Materials) async -> ServingCertificate? {
        while let material = await materials.iterator.next() {
            do throws(ListeningError) {
                return try ServingCertificate(material, protocols: Self.protocols)
            } catch {
                logger.error("the webhook has no certificate that it can use", metadata: ["reason": "\(error)"])
            }
        }
        return nil
    }

    private func follow(_ certificate: ServingCertificate, _ materials: Materials?) async {
        if let materials {
            while !Task.isCancelled, let material = await materials.iterator.next() {
                noteReload(certificate) { () throws(ListeningError) in try certificate.replace(with: material) }
            }
            return
        }
        guard case .files(let files) = self.certificate else { return }
        var seen = FileFingerprint(files)
        while !Task.isCancelled {
            do { try await Task.sleep(for: configuration.certificateInterval) } catch { return }
            let fingerprint = FileFingerprint(files)
            guard fingerprint != seen else { continue }
            // What cannot be used yet, being half written, is looked at again.
            if noteReload(certificate, { () throws(ListeningError) in try certificate.reload() }) { seen = fingerprint }
        }
    }

    @discardableResult
    private func noteReload(_ certificate: ServingCertificate, _ reload: () throws(ListeningError) -> Void) -> Bool {
        do throws(ListeningError) {
            try reload()
            WebhookMetrics.shared.record(certificateExpiry: certificate.expiry)
            logger.notice("the webhook has a new certificate")
            return true
        } catch {
            logger.error("the webhook's certificate stays as it was", metadata: ["reason": "\(error)"])
            return false
        }
    }

    // MARK: Connections

    private func bootstrap(_ certificate: ServingCertificate?) -> ServerBootstrap {
        let environment = environment
        return ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.backlog, value: 1024)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelOption(
                .recvAllocator, value: AdaptiveRecvByteBufferAllocator(minimum: 1024, initial: 4096, maximum: 64 << 10)
            )
            .childChannelInitializer { Self.configure($0, certificate, environment) }
    }

    private static func configure(
        _ channel: any Channel, _ certificate: ServingCertificate?, _ environment: AdmissionEnvironment
    ) -> EventLoopFuture<Void> {
        guard environment.connections.enter(channel) else { return channel.close() }
        return channel.eventLoop.makeCompletedFuture {
            let pipeline = channel.pipeline.syncOperations
            if let certificate { try pipeline.addHandler(certificate.makeHandler()) }
            var limits = NIOHTTPDecoderLimitConfiguration()
            limits.maxHeaderFieldSize = headerLimitBytes
            limits.maxHeaderListSize = headerLimitBytes
            limits.maxHeaderFieldCount = 100
            try pipeline.addHandlers([
                HTTPResponseEncoder(),
                ByteToMessageHandler(
                    HTTPRequestDecoder(leftOverBytesStrategy: .dropBytes, limitConfiguration: limits),
                    maximumBufferSize: headerLimitBytes + (256 << 10)),
                HTTPServerPipelineHandler(),
                HTTPServerProtocolErrorHandler(),
                AdmissionConnection(environment: environment, servesReviews: certificate != nil),
            ])
        }
    }

    private static let headerLimitBytes = 16 << 10
}
