internal import ArgumentParser
internal import LibP2P
internal import OCI
internal import PeerRegistry
internal import RegistryServer

struct SpegelRegistryCommand: ServiceCommand {
    static let configuration = CommandConfiguration(
        commandName: "registry", abstract: "Share images as 'spegel registry' does, with its flags.")

    @Option(help: "DEBUG, INFO, WARN or ERROR.") var logLevel: String?
    @Option(help: "Where metrics and the page are.") var metricsAddr: String?
    @Option(help: "Where the registry is.") var registryAddr: String?
    @Option(help: "Where peers connect.") var routerAddr: String?
    @Option(help: "Where the identity is kept; without it there is a new one at every start.") var dataDir: String?
    @Option(help: "containerd's socket.") var containerdSock: String?
    @Option(help: "The namespace of the images.") var containerdNamespace: String?
    @Option(help: "containerd's content directory; empty asks containerd.") var containerdContentPath: String?
    @Option(help: "Of older versions, and without effect: 'weir spegel configuration' writes there.")
    var containerdRegistryConfigPath: String?
    @Option(parsing: .upToNextOption, help: "Registries that take part; none means all.")
    var mirroredRegistries: [String] = []
    @Option(parsing: .upToNextOption, help: "Expressions; what matches is hidden.") var registryFilters: [String] = []
    @Option(help: "How long nobody may turn up before the client is sent on.") var mirrorResolveTimeout: String?
    @Option(help: "Peers that a look-up is to find.") var mirrorResolveRetries: String?
    @Option(help: "Whether the page is shown; else true.") var debugWebEnabled: String?
    @Option(help: "Whether 'latest' is shared, as before version 0.4; else true.") var resolveLatestTag: String?
    @Option(help: "dns, http or static.") var bootstrapKind: String?
    @Option(help: "The name whose addresses are peers.") var dnsBootstrapDomain: String?
    @Option(help: "Where this node tells of itself.") var httpBootstrapAddr: String?
    @Option(help: "Where to ask for peers.") var httpBootstrapUrl: String?
    @Option(help: "The same by the name that other versions have for it.") var httpBootstrapPeer: String?
    @Option(help: "ca.crt, tls.crt and tls.key for that.") var httpBootstrapCertDir: String?
    @Option(parsing: .upToNextOption, help: "Addresses of peers.") var staticBootstrapPeers: [String] = []

    func run() async throws {
        let environment = SpegelEnvironment(processEnvironment())
        let configuration = try node(environment)
        let level = SpegelForm.level(environment.value(logLevel, "LOG_LEVEL") ?? "INFO")
        try await NodeRun.run(
            configuration, log: ServiceConfiguration.Log(format: .json, level: level), warnings: warnings())
    }

    /// The variable of that name is no slip: other commands take it, and a chart may set it for all of them.
    func warnings() -> [ConfigurationProblem] {
        guard containerdRegistryConfigPath?.isEmpty == false else { return [] }
        return [
            ConfigurationProblem(
                "has no effect here; 'weir spegel configuration' takes it",
                at: .init(source: "--containerd-registry-config-path"), severity: .warning)
        ]
    }

    /// What Spegel's flags mean here. Its defaults, too.
    func node(_ environment: SpegelEnvironment) throws(CommandFailure) -> NodeConfiguration {
        var node = NodeConfiguration()
        node.server.listen = [SpegelForm.address(environment.value(registryAddr, "REGISTRY_ADDR") ?? ":5000")]
        node.pagesListen = [SpegelForm.address(environment.value(metricsAddr, "METRICS_ADDR") ?? ":9090")]
        node.settingNames = .init(pages: "with --metrics-addr", bootstrapListen: "with --http-bootstrap-addr")
        node.showsPages = try SpegelForm.flag(
            "--debug-web-enabled", environment.value(debugWebEnabled, "DEBUG_WEB_ENABLED"), standard: true)
        node.usesSpegelNames = true
        node.directory = environment.value(dataDir, "DATA_DIR")
        node.containerdSocket = environment.value(containerdSock, "CONTAINERD_SOCK") ?? node.containerdSocket
        node.containerdNamespace =
            environment.value(containerdNamespace, "CONTAINERD_NAMESPACE") ?? node.containerdNamespace
        node.contentDirectory = environment.value(containerdContentPath, "CONTAINERD_CONTENT_PATH")
        node.registry.order = [.peers]
        node.registry.tagsFromPeers = .always
        node.registry.registryPort = try SpegelForm.port(node.server.listen[0])
        node.registry.resolveTimeout = try SpegelForm.duration(
            "--mirror-resolve-timeout",
            environment.value(mirrorResolveTimeout, "MIRROR_RESOLVE_TIMEOUT") ?? "20ms")
        let retries = environment.value(mirrorResolveRetries, "MIRROR_RESOLVE_RETRIES") ?? "3"
        guard let limit = Int(retries), (0...1000).contains(limit) else {
            throw CommandFailure(.usage, "--mirror-resolve-retries is a number from 0 to 1000")
        }
        node.registry.lookupLimit = limit == 0 ? 20 : limit
        node.registry.authorization = SpegelForm.authorization()
        node.filter = try filter(environment)
        try addPeers(environment, to: &node)
        return node
    }

    private func filter(_ environment: SpegelEnvironment) throws(CommandFailure) -> RegistryFilter {
        let texts = try environment.list(mirroredRegistries, "MIRRORED_REGISTRIES")
        let registries = Set(try SpegelForm.registries(texts).map(\.host))
        return try filter(registries, environment)
    }

    private func filter(
        _ registries: Set<RegistryHost>, _ environment: SpegelEnvironment
    ) throws(CommandFailure) -> RegistryFilter {
        let sharesLatest = try SpegelForm.flag(
            "--resolve-latest-tag", environment.value(resolveLatestTag, "RESOLVE_LATEST_TAG"), standard: true)
        let hidden = try environment.list(registryFilters, "REGISTRY_FILTERS")
        do {
            return try RegistryFilter(registries: registries, hidden: hidden, sharesLatest: sharesLatest)
        } catch {
            throw CommandFailure(.usage, "--registry-filters: \(error)")
        }
    }

    private func addPeers(
        _ environment: SpegelEnvironment, to node: inout NodeConfiguration
    ) throws(CommandFailure) {
        let router = SpegelForm.address(environment.value(routerAddr, "ROUTER_ADDR") ?? ":5001")
        let port = try SpegelForm.port(router)
        let host = String(router.dropLast("\(port)".utf8.count + 1)).filter { !"[]".contains($0) }
        if host == "0.0.0.0" {
            node.peerListen = NodeConfiguration.standardPeerListen(port: port)
        } else {
            guard let address = Multiaddr(ip: host, port: port) else {
                throw CommandFailure(.usage, "--router-addr: '\(router)' is no IP address with a port")
            }
            node.peerListen = [address]
        }
        switch environment.value(bootstrapKind, "BOOTSTRAP_KIND") {
        case "dns":
            guard let name = environment.value(dnsBootstrapDomain, "DNS_BOOTSTRAP_DOMAIN") else {
                throw CommandFailure(.usage, "--bootstrap-kind dns needs --dns-bootstrap-domain")
            }
            node.bootstrap = [.dns(name)]
        case "http":
            try addHTTP(environment, to: &node)
        case "static": node.bootstrap = [.addresses(try peers(environment))]
        case let kind: throw CommandFailure(.usage, "--bootstrap-kind is dns, http or static, not '\(kind ?? "")'")
        }
    }

    private func addHTTP(_ environment: SpegelEnvironment, to node: inout NodeConfiguration) throws(CommandFailure) {
        node.bootstrapListen = environment.value(httpBootstrapAddr, "HTTP_BOOTSTRAP_ADDR").map(SpegelForm.address)
        let url =
            environment.value(httpBootstrapUrl, "HTTP_BOOTSTRAP_URL")
            ?? environment.value(httpBootstrapPeer, "HTTP_BOOTSTRAP_PEER").map(SpegelForm.bootstrapURL)
        if let url {
            guard url.hasPrefix("http://") || url.hasPrefix("https://") else {
                throw CommandFailure(.usage, "--http-bootstrap-url: '\(url)' is no address; write http://HOST:PORT/id")
            }
            let directory = environment.value(httpBootstrapCertDir, "HTTP_BOOTSTRAP_CERT_DIR")
            node.bootstrap = [.http(url: url, tls: SpegelForm.certificates(directory))]
        }
        guard url != nil || node.bootstrapListen != nil else {
            throw CommandFailure(
                .usage, "--bootstrap-kind http needs --http-bootstrap-url, or --http-bootstrap-addr for others to ask")
        }
    }

    private func peers(_ environment: SpegelEnvironment) throws(CommandFailure) -> [Multiaddr] {
        var list: [Multiaddr] = []
        for text in try environment.list(staticBootstrapPeers, "STATIC_BOOTSTRAP_PEERS") {
            guard let address = try? Multiaddr(text) else {
                throw CommandFailure(.usage, "--static-bootstrap-peers: '\(text)' is no address of a peer")
            }
            list.append(address)
        }
        guard !list.isEmpty else {
            throw CommandFailure(.usage, "--bootstrap-kind static needs --static-bootstrap-peers")
        }
        return list
    }
}
