internal import AdmissionWebhook
internal import BlobStore
internal import CloudCredentials
internal import ControlServer
internal import FilesystemBlobStore
internal import LibP2P
internal import Listening
internal import Logging
internal import MetadataStore
internal import PeerGrants
internal import PullThroughCache
internal import Quota
internal import RegistryServer
internal import Rules
internal import SQLiteMetadataStore
internal import ServiceLifecycle
internal import StoreContent
internal import Timekeeping
internal import UpstreamClient

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// The whole service, put together from its parts. Contacts no upstream by itself.
struct WeirService {
    private let blobs: FilesystemBlobStore
    private let metadata: SQLiteMetadataStore
    private let transport: UpstreamTransport
    private let cache: PullThroughCache
    private let server: RegistryServer
    private let control: ControlServer
    /// Nil where it is not enabled.
    private let webhook: WebhookService?
    private let reloader: Reloader
    private let upstreams: UpstreamSet
    private let readiness: Readiness
    private let cluster: Cluster?
    /// Nil where it takes no part among nodes.
    private let sharing: StoreSharing?
    /// Where the catalogue is while its own disk takes none; removed at the end.
    private let substitute: String
    private let logger: Logger

    /// Opens the store and the catalogue.
    /// - Throws: ``CommandFailure`` that says what is wrong, and what to do.
    init(
        _ configuration: ServiceConfiguration, loader: ConfigurationLoader, _ telemetry: Telemetry
    ) async throws(CommandFailure) {
        let logger = telemetry.logger
        self.logger = logger
        substitute = Self.substituteCatalogue(of: configuration)
        let startedAt = SystemWallClock().now()
        let (blobs, metadata) = try await Self.openStores(configuration, logger: logger)
        self.blobs = blobs
        self.metadata = metadata
        transport = UpstreamTransport(proxy: configuration.proxy, logger: logger)
        let holder = ConfigurationHolder(configuration)
        let credentials = CredentialContext(
            environment: loader.environment, cloud: CloudClient(proxy: configuration.proxy), logger: logger)
        let upstreams = UpstreamSet(
            configuration.upstreams, records: await Self.quotas(in: metadata, logger: logger), transport: transport,
            metadata: metadata, credentials: credentials, logger: logger)
        self.upstreams = upstreams
        let bell = ChangeBell()
        let namespaces = ClientNamespaces()
        let cache = PullThroughCache(
            configuration: configuration.cache, upstreams: upstreams.registries, blobs: blobs, journal: blobs.journal,
            metadata: metadata, namespaces: { namespaces.namespace(at: $0, $1, $2) }, clock: SystemWallClock(),
            logger: logger, contentChanged: { bell.ring() })
        self.cache = cache
        let readiness = Readiness(metadata: metadata)
        self.readiness = readiness
        let cluster = try configuration.kubernetes.map { kubernetes throws(CommandFailure) in
            let link = try ClusterLink(kubernetes, webhook: configuration.webhook, logger: logger)
            let following = ClusterFollowing(
                kubernetes, link: link, holder: holder, metadata: metadata, cache: cache, namespaces: namespaces,
                logger: logger)
            return Cluster(
                kubernetes, webhook: configuration.webhook, link: link, following: following, makesCertificates: true,
                logger: logger)
        }
        self.cluster = cluster
        let scrape = MetricsScrape(
            registry: telemetry.metrics, cache: cache, upstreams: upstreams, following: cluster?.following)
        let operations = OperationalAnswer.pages(
            problem: { await readiness.problem() }, metrics: { await scrape.text() })
        let sharing: StoreSharing? =
            if configuration.node.store == nil { nil } else {
                try StoreSharing(
                    configuration, holder: holder,
                    content: StoreContent(blobs: blobs, metadata: metadata, bell: bell) {
                        holder.configuration.sharedRepositories
                    }, telemetry)
            }
        self.sharing = sharing
        let server = RegistryServer(
            configuration: configuration.server, content: cache, rules: { holder.rules }, operations: operations,
            peers: sharing?.side, grants: try Self.grantPage(configuration, holder, logger), logger: logger)
        self.server = server
        let peerServer = sharing?.server ?? server
        sharing?.sharing.controller.setAddresses { (try? await peerServer.boundAddresses()) ?? [] }
        var surroundings = WebhookService.Surroundings(
            transport: transport, credentials: credentials, content: cache, operations: operations)
        cluster?.serve(&surroundings, configuration.webhook)
        let webhook =
            configuration.webhook.isEnabled ? try WebhookService(configuration, surroundings, logger: logger) : nil
        self.webhook = webhook
        reloader = Reloader(
            loader: loader, holder: holder, upstreams: upstreams, cache: cache, server: server, webhook: webhook,
            level: telemetry.level, logger: logger)
        control = ControlServer(
            path: configuration.controlSocket,
            service: ServiceController(
                holder: holder, upstreams: upstreams, cache: cache, reloader: reloader, scrape: scrape,
                readiness: readiness, cluster: cluster?.following, startedAt: startedAt,
                addresses: { (try? await server.boundAddresses()) ?? [] }),
            logger: logger)
    }

    /// - Throws: ``CommandFailure`` where a key can neither be read nor made.
    private static func grantPage(
        _ configuration: ServiceConfiguration, _ holder: ConfigurationHolder, _ logger: Logger
    ) throws(CommandFailure) -> GrantPage? {
        guard let grants = configuration.grants else { return nil }
        var keys: [Identity] = []
        for file in grants.keyFiles {
            do throws(IdentityError) {
                keys.append(try IdentityFile(path: file).loadOrCreate())
            } catch {
                throw CommandFailure(.failure, "the key for grants cannot be used: \(error)")
            }
        }
        let authority = GrantAuthority(keys: keys)
        logger.info(
            "grants are signed",
            metadata: ["keys": "\(authority.publicKeys.map(\.description).joined(separator: ", "))"])
        return GrantPage(authority: authority, rules: { holder.configuration.grants?.rules })
    }

    private static func openStores(
        _ configuration: ServiceConfiguration, logger: Logger
    ) async throws(CommandFailure) -> (FilesystemBlobStore, SQLiteMetadataStore) {
        let blobs: FilesystemBlobStore
        do throws(BlobStoreError) {
            blobs = try await FilesystemBlobStore.open(directory: configuration.storeDirectory, logger: logger)
        } catch {
            throw CommandFailure(.failure, "the store \(configuration.storeDirectory) cannot be used: \(error)")
        }
        do throws(MetadataStoreError) {
            return (blobs, try await openCatalogue(configuration, logger: logger))
        } catch {
            await blobs.close()
            // A damaged catalogue's own words name 'weir fsck --rebuild'.
            throw CommandFailure(.failure, "the catalogue \(configuration.cataloguePath) cannot be used: \(error)")
        }
    }

    /// What was known of pull limits before the restart. Without it they are learnt anew.
    private static func quotas(
        in metadata: SQLiteMetadataStore, logger: Logger
    ) async -> [RuleName: [QuotaRecord]] {
        do throws(MetadataStoreError) {
            return try await metadata.quotas()
        } catch {
            logger.warning("What was known of pull limits cannot be read", metadata: ["error": "\(error)"])
            return [:]
        }
    }

    /// The same at every start, so that what a killed service left is used again and not left twice.
    private static func substituteCatalogue(of configuration: ServiceConfiguration) -> String {
        "/dev/shm/weir-" + configuration.cataloguePath.split(separator: "/").joined(separator: "-")
    }

    /// A store that is empty, on a disk that takes nothing, has no catalogue and cannot have one: pulls are passed
    /// through all the same, and what is learnt of them is kept elsewhere until the service ends.
    private static func openCatalogue(
        _ configuration: ServiceConfiguration, logger: Logger
    ) async throws(MetadataStoreError) -> SQLiteMetadataStore {
        do throws(MetadataStoreError) {
            return try await SQLiteMetadataStore.open(path: configuration.cataloguePath, logger: logger)
        } catch {
            guard error == .notWritable else { throw error }
            let elsewhere = substituteCatalogue(of: configuration)
            let catalogue = try await SQLiteMetadataStore.open(path: elsewhere, logger: logger)
            logger.error(
                "the catalogue cannot be written; nothing is kept until there is room and a restart",
                metadata: ["path": "\(configuration.cataloguePath)", "instead": "\(elsewhere)"])
            return catalogue
        }
    }

    /// Serves until SIGTERM or SIGINT, lets running transfers end, and closes everything.
    /// - Parameter onReady: called once, with the addresses that clients can connect to.
    func run(onReady: @escaping @Sendable ([String]) -> Void) async throws(CommandFailure) {
        let (cache, control, server, readiness, reloader) = (cache, control, server, readiness, reloader)
        let (upstreams, metadata) = (upstreams, metadata)
        var parts = ServiceParts()
        sharing?.sharing.add(to: &parts, server: sharing?.server)
        parts.add { await upstreams.run() }
        parts.add { try await cache.run() }
        parts.add {
            try await control.run()
        } listening: {
            try await control.untilListening()
        }
        if let cluster { parts.addCancelled { await cluster.run() } }
        parts.add {
            defer { readiness.endListening() }
            try await server.run()
        } listening: {
            _ = try await server.boundAddresses()
        }
        if let peers = sharing?.server { parts.add(server: peers) }
        // It may wait for its certificate, and the cache never waits for the webhook.
        if let admission = webhook?.server { parts.add { try await admission.run() } }
        parts.addWhenListening {
            readiness.beginListening()
            onReady(try await server.boundAddresses())
            // What is wrong the reloader has written down.
            await ReloadSignal.run { _ = try? await reloader.reload() }
        }
        try await parts.run(logger: logger, reloads: true, releasing: metadata.releaseMemory) { await close() }
    }

    private func close() async {
        await sharing?.sharing.close()
        do {
            try await transport.shutdown()
        } catch {
            logger.debug("The connections to upstreams were not closed in order", metadata: ["error": "\(error)"])
        }
        do throws(MetadataStoreError) {
            try await metadata.close()
        } catch {
            logger.error("The catalogue was not closed in order", metadata: ["error": "\(error)"])
        }
        await blobs.close()
        for suffix in ["", "-wal", "-shm"] { _ = unlink(substitute + suffix) }
    }
}
