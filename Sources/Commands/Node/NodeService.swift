internal import AsyncHTTPClient
internal import ContainerdClient
internal import ControlServer
internal import KademliaRouting
internal import LibP2P
internal import Logging
internal import PeerGrants
internal import PeerRegistry
internal import PrometheusMetrics
internal import RegistryServer
internal import ServiceLifecycle

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// A node that shares its images, put together from its parts.
struct NodeService {
    private let configuration: NodeConfiguration
    private let host: Host
    private let router: KademliaRouter
    private let advertiser: Advertiser
    private let server: RegistryServer
    private let pages: RegistryServer?
    private let bootstrapPage: RegistryServer?
    private let control: ControlServer
    private let clients: [HTTPClient]
    private let renewal: GrantRenewal?
    private let logger: Logger

    /// - Throws: ``CommandFailure`` that says what is wrong, and what to do.
    init(_ configuration: NodeConfiguration, metrics: PrometheusRegistry, logger: Logger) throws(CommandFailure) {
        self.configuration = configuration
        self.logger = logger
        let clients = try NodeClients(configuration)
        self.clients = clients.all
        let identity = try Self.identity(configuration.directory)
        let host = Host(
            identity: identity, configuration: Self.hostConfiguration(configuration),
            logger: logger)
        self.host = host
        let router = KademliaRouter(
            network: HostNetwork(host),
            bootstrap: configuration.bootstrap.enumerated().map { clients.source($0.element, at: $0.offset) },
            logger: logger)
        self.router = router
        let content = ContainerdContent(
            api: ContainerdAPI(
                socket: configuration.containerdSocket, namespace: configuration.containerdNamespace),
            contentRoot: configuration.contentDirectory, logger: logger)
        let nodeMetrics = NodeMetrics(usesSpegelNames: configuration.usesSpegelNames)
        advertiser = Advertiser(
            content: content, routing: router, filter: configuration.filter, metrics: nodeMetrics, logger: logger)
        let grants = configuration.grants.map { PeerGrants(identity: identity, configuration: $0.grants) }
        renewal = Self.renewal(of: grants, configuration, client: clients.central, logger: logger)
        let registry = PeerRegistry(
            configuration: configuration.registry, content: content, routing: router, filter: configuration.filter,
            advertiser: advertiser, peerClient: clients.peers, centralClient: clients.central, grants: grants,
            metrics: nodeMetrics, logger: logger)
        let controller = NodeController(
            configuration: configuration, host: host, router: router, content: content, advertiser: advertiser,
            registry: registry, scrape: ProcessScrape(metrics))
        let node = NodePages(controller: controller)
        server = RegistryServer(
            configuration: configuration.server, node: registry, authorization: configuration.registry.authorization,
            localClients: configuration.grants?.localClients.compactMap { AddressBlock($0) }, pages: node.probes,
            logger: logger)
        controller.setAddresses { [server] in (try? await server.boundAddresses()) ?? [] }
        pages =
            configuration.pagesListen.isEmpty
            ? nil
            : RegistryServer(
                configuration: Self.pagesConfiguration(configuration.pagesListen), node: nil,
                pages: configuration.showsPages ? node.all : node.operations, logger: logger)
        bootstrapPage = configuration.bootstrapListen.map {
            RegistryServer(
                configuration: Self.pagesConfiguration([$0]), node: nil, pages: node.bootstrap(host), logger: logger)
        }
        control = ControlServer(path: configuration.controlSocket, node: controller, logger: logger)
    }

    private static func renewal(
        of grants: PeerGrants?, _ configuration: NodeConfiguration, client: HTTPClient, logger: Logger
    ) -> GrantRenewal? {
        guard let grants, let central = configuration.registry.central else { return nil }
        return GrantRenewal(
            grants: grants, central: central, token: configuration.grants?.token, client: client, logger: logger)
    }

    private static func identity(_ directory: String?) throws(CommandFailure) -> Identity {
        if let directory, mkdir(directory, 0o700) != 0, errno != EEXIST {
            throw CommandFailure(
                .failure, "the directory \(directory) cannot be made (error \(errno)); name another as 'node.directory'"
            )
        }
        do throws(IdentityError) {
            guard let directory else { return try Identity() }
            return try IdentityFile(path: "\(directory)/private.key").loadOrCreate()
        } catch {
            throw CommandFailure(.failure, "the node's identity cannot be used: \(error)")
        }
    }

    private static func hostConfiguration(_ configuration: NodeConfiguration) -> HostConfiguration {
        var host = HostConfiguration()
        host.listen = configuration.peerListen
        host.advertised = configuration.advertise
        host.privateNetwork = configuration.networkKey
        host.advertisesLoopback = configuration.advertisesLoopback
        host.agentVersion = "weir/\(Version.text)"
        return host
    }

    private static func pagesConfiguration(_ listen: [String]) -> RegistryServer.Configuration {
        RegistryServer.Configuration(listen: listen, connectionLimit: 256, drainTimeout: .seconds(1), logsAccess: false)
    }

    /// What joining and listing needed is not needed again, and what upkeep needs is so every ten minutes.
    private static func releaseMemory() async {
        var pauses = [Duration.seconds(20), .seconds(40)][...]
        while !Task.isCancelled {
            try? await Task.sleep(for: pauses.popFirst() ?? .seconds(600))
            StartupMemory.release()
        }
    }

    /// Shares until SIGTERM or SIGINT.
    /// - Parameter onReady: called once, with the addresses that containerd can use.
    func run(onReady: @escaping @Sendable ([String]) -> Void) async throws(CommandFailure) {
        let (host, router, advertiser, control, server) = (host, router, advertiser, control, server)
        var parts = ServiceParts()
        parts.add { try await host.run() }
        parts.add { await router.run() }
        parts.addCancelled { await advertiser.run() }
        parts.addCancelled { await Self.releaseMemory() }
        if let renewal { parts.addCancelled { await renewal.run() } }
        parts.add { try await control.run() }
        parts.add { try await server.run() }
        for pages in [pages, bootstrapPage].compactMap(\.self) { parts.add { try await pages.run() } }
        parts.add {
            onReady(try await server.boundAddresses())
            try await gracefulShutdown()
        }
        let clients = clients
        try await parts.run(logger: logger) {
            for client in clients { try? await client.shutdown() }
        }
    }
}

/// The HTTP clients of a node, one for each kind of certificate.
private struct NodeClients {
    let peers: HTTPClient
    let central: HTTPClient
    private var bootstrap: [Int: HTTPClient] = [:]
    private let port: Int

    init(_ configuration: NodeConfiguration) throws(CommandFailure) {
        port = configuration.peerPort
        do throws(PeerTLSError) {
            peers = try PeerHTTP.client(
                connect: configuration.registry.answerTimeout, stall: configuration.registry.stallTimeout,
                tls: configuration.peerTLS)
            central = try PeerHTTP.client(
                connect: .seconds(2), stall: configuration.registry.centralTimeout, tls: configuration.centralTLS)
            for (index, source) in configuration.bootstrap.enumerated() {
                guard case .http(_, let tls) = source else { continue }
                bootstrap[index] = try PeerHTTP.client(connect: .seconds(5), stall: .seconds(10), tls: tls)
            }
        } catch {
            throw CommandFailure(.usage, "\(error)")
        }
    }

    var all: [HTTPClient] { [peers, central] + bootstrap.values }

    func source(_ bootstrap: NodeConfiguration.Bootstrap, at index: Int) -> any BootstrapSource {
        switch bootstrap {
        case .addresses(let list): StaticBootstrap(list.map { $0.withPort(port) })
        case .dns(let name): DNSBootstrap(name: name, port: port)
        case .http(let url, _): HTTPBootstrap(url: url, port: port, client: self.bootstrap[index] ?? central)
        }
    }
}
