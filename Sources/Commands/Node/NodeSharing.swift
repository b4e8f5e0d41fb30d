internal import ControlServer
internal import KademliaRouting
internal import LibP2P
internal import Logging
internal import NodeConfiguration
internal import NodeContent
internal import PeerGrants
internal import PeerRegistry
internal import RegistryServer
internal import ServiceLifecycle

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// A machine's part among its peers, whoever keeps its content: the network, what is advertised, and the registry that
/// answers.
struct NodeSharing {
    let network: PeerNetwork
    let advertiser: Advertiser
    let registry: PeerRegistry
    let controller: NodeController
    private let control: ControlServer
    /// The page, and where other nodes ask for first peers; where they are wanted.
    private let pages: [RegistryServer]
    private let clients: NodeClients
    private let renewal: GrantRenewal?
    private let certificateFiles: [String]
    /// Nil without a directory, and where the file system knows no locks.
    private let identityLock: FolderLock?
    private let logger: Logger

    /// - Parameter keeper: whoever keeps the content, for people.
    /// - Throws: ``CommandFailure`` that says what is wrong, and what to do.
    init(
        _ configuration: NodeConfiguration, content: any NodeContent, keeper: NodeController.Keeper,
        _ telemetry: Telemetry
    ) throws(CommandFailure) {
        let logger = telemetry.logger
        self.logger = logger
        certificateFiles = configuration.certificateFiles
        // Before there are clients, which have to be shut down.
        let identity = try Self.identity(configuration, logger: logger)
        identityLock = try Self.lock(configuration, logger: logger)
        let clients = try NodeClients(configuration, logger: logger)
        self.clients = clients
        let network = Self.network(identity, configuration, bootstrap: clients.bootstrap, logger: logger)
        self.network = network
        let metrics = NodeMetrics(usesSpegelNames: configuration.usesSpegelNames)
        let advertiser = Advertiser(
            content: content, routing: network, filter: configuration.filter, metrics: metrics, logger: logger)
        self.advertiser = advertiser
        let grants = configuration.grants.map { PeerGrants(identity: network.host.identity, configuration: $0.grants) }
        renewal = Self.renewal(of: grants, configuration, clients, logger: logger)
        registry = PeerRegistry(
            configuration: configuration.registry, content: content, routing: network, filter: configuration.filter,
            advertiser: advertiser, peerClient: clients.peers, centralClient: clients.central, grants: grants,
            metrics: metrics, logger: logger)
        controller = NodeController(
            central: configuration.registry.central, keeper: keeper, network: network, advertiser: advertiser,
            registry: registry, scrape: ProcessScrape(telemetry.metrics))
        control = ControlServer(path: configuration.controlSocket, node: controller, logger: logger)
        pages = Self.pages(configuration, NodePages(controller: controller), logger: logger)
    }

    private static func pages(
        _ configuration: NodeConfiguration, _ pages: NodePages, logger: Logger
    ) -> [RegistryServer] {
        var servers: [RegistryServer] = []
        if !configuration.pagesListen.isEmpty {
            servers.append(
                RegistryServer(
                    configuration: NodePages.configuration(
                        configuration.pagesListen, setting: configuration.settingNames.pages), node: nil,
                    pages: configuration.showsPages ? pages.all : pages.operations, logger: logger))
        }
        if let listen = configuration.bootstrapListen {
            servers.append(
                RegistryServer(
                    configuration: NodePages.configuration(
                        [listen], setting: configuration.settingNames.bootstrapListen), node: nil,
                    pages: pages.bootstrap,
                    logger: logger))
        }
        return servers
    }

    private static func renewal(
        of grants: PeerGrants?, _ configuration: NodeConfiguration, _ clients: NodeClients, logger: Logger
    ) -> GrantRenewal? {
        guard let grants, let central = configuration.registry.central else { return nil }
        return GrantRenewal(
            grants: grants, central: central, token: configuration.grants?.token, client: clients.central,
            logger: logger)
    }

    /// The node's name among its peers. Makes the directory and the file where they are missing; without a directory the
    /// name is new at each start.
    private static func identity(_ configuration: NodeConfiguration, logger: Logger) throws(CommandFailure) -> Identity
    {
        guard let directory = configuration.directory else {
            do { return try Identity() } catch { throw unusable(error) }
        }
        guard mkdir(directory, 0o700) == 0 || errno == EEXIST else {
            throw CommandFailure(
                .failure,
                "the directory \(directory) cannot be made: \(String(cString: strerror(errno))); name another as "
                    + "'node.directory'")
        }
        let path = "\(directory)/private.key"
        do throws(IdentityError) {
            let identity = try IdentityFile(path: path).loadOrCreate()
            if IdentityFile(path: path).isOpenToOthers {
                logger.warning(
                    "other users may read the node's identity, and pass for this node; take that right away: chmod 600",
                    metadata: ["path": "\(path)"])
            }
            return identity
        } catch {
            throw unusable(error)
        }
    }

    /// Two nodes of one name would be taken for one, whose connections and records go back and forth between them.
    private static func lock(_ configuration: NodeConfiguration, logger: Logger) throws(CommandFailure) -> FolderLock? {
        guard let directory = configuration.directory else { return nil }
        do throws(NodeConfigurationError) {
            return try FolderLock(directory)
        } catch .busy {
            throw CommandFailure(
                .failure,
                "another process is the node of \(directory); stop it, or give this one a 'node.directory' of its own")
        } catch {
            logger.warning(
                "the node's directory cannot be locked; make sure that no other node uses it",
                metadata: ["error": "\(error)"])
            return nil
        }
    }

    private static func unusable(_ error: IdentityError) -> CommandFailure {
        CommandFailure(.failure, "the node's identity cannot be used: \(error)")
    }

    private static func network(
        _ identity: Identity, _ configuration: NodeConfiguration, bootstrap: [any BootstrapSource], logger: Logger
    ) -> PeerNetwork {
        var network = PeerNetworkConfiguration()
        network.host.listen = configuration.peerListen
        network.host.advertised = configuration.advertise
        network.host.privateNetwork = configuration.networkKey
        network.host.advertisesLoopback = configuration.advertisesLoopback
        network.host.agentVersion = "weir/\(Version.text)"
        network.bootstrap = bootstrap
        return PeerNetwork(identity, network, logger: logger)
    }

    /// What runs as long as the node takes part.
    /// - Parameter server: which answers peers with the node's certificate; nil for one whose owner keeps it current.
    func add(to parts: inout ServiceParts, server: RegistryServer?) {
        let (network, advertiser, control, clients) = (network, advertiser, control, clients)
        let watch = CertificateWatch(files: certificateFiles, logger: logger) {
            try server?.reloadCertificate()
            try clients.reloadCertificates()
        }
        // A part that ends by itself would end them all.
        if !certificateFiles.isEmpty { parts.addCancelled { await watch.run() } }
        parts.add {
            try await network.run()
        } listening: {
            _ = try await network.boundAddresses()
        }
        parts.addCancelled { await advertiser.run() }
        let registry = registry
        parts.addCancelled {
            await registry.untilCentralAnswers()
            // A part that ends by itself would end them all.
            try? await gracefulShutdown()
        }
        if let renewal { parts.addCancelled { await renewal.run() } }
        parts.add {
            try await control.run()
        } listening: {
            try await control.untilListening()
        }
        for page in pages { parts.add(server: page) }
    }

    func close() async {
        await clients.shutdown()
        identityLock?.release()
    }
}
