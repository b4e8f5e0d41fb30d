internal import KademliaRouting
internal import LibP2P
internal import Listening
internal import OCI
internal import PeerRegistry
internal import RegistryServer
internal import Rules

/// Makes what `weir node` is given out of the settings.
struct NodeAssembly {
    private(set) var configuration = NodeConfiguration()
    private(set) var problems: [ConfigurationProblem] = []
    private let source: String

    /// - Parameter known: every rule's name.
    init(
        _ settings: NodeSettings, server: RegistryServer.Configuration, rules known: Set<RuleName>, source: String
    ) {
        self.source = source
        var configuration = NodeConfiguration()
        configuration.server = server
        configuration.server.listen = settings.listen
        configuration.server.tls = nil
        // Spegel's too says nothing of single requests; containerd's own log does.
        configuration.server.logsAccess = false
        switch (settings.tls.certificate, settings.tls.key) {
        case (let certificate?, let key?):
            configuration.server.tls = RegistryServer.TLS(
                certificateFile: certificate, keyFile: key, clientAuthorityFile: settings.tls.clientAuthority)
        case (nil, nil):
            if settings.tls.clientAuthority != nil {
                problems.append(
                    ConfigurationProblem(
                        "'node.tls.clientAuthority' needs 'certificate' and 'key' beside it",
                        at: .init(source: source)))
            }
        default:
            problems.append(
                ConfigurationProblem(
                    "'node.tls' needs both 'certificate' and 'key'; add the other", at: .init(source: source)))
        }
        configuration.peerTLS = PeerHTTP.TLS(
            authorityFile: settings.tls.authority, certificateFile: settings.tls.clientCertificate,
            keyFile: settings.tls.clientKey)
        configuration.centralTLS = PeerHTTP.TLS(authorityFile: settings.centralAuthority)
        configuration.registry = Self.registry(settings, usesTLS: configuration.server.tls != nil)
        do {
            configuration.filter = try RegistryFilter(
                registries: Set(settings.registries), hidden: settings.hidden, sharesLatest: settings.sharesLatest)
        } catch {
            problems.append(ConfigurationProblem("\(error)", at: .init(source: source)))
        }
        configuration.grants = settings.grants.map {
            NodeGrants($0, central: settings.central, source: source, problems: &problems)
        }
        configuration.containerdSocket = settings.containerd.socket
        configuration.containerdNamespace = settings.containerd.namespace
        configuration.contentDirectory = settings.containerd.content
        if settings.store.enabled {
            let rules = settings.store.sharedRules.compactMap { name -> RuleName? in
                let rule = try? RuleName(name)
                guard let rule, known.contains(rule) else {
                    problems.append(
                        ConfigurationProblem(
                            "'node.store.sharedRules' names '\(name)', and there is no such rule",
                            at: .init(source: source)))
                    return nil
                }
                return rule
            }
            configuration.store = NodeConfiguration.Store(
                fetches: settings.store.fetches, rules: Set(rules))
        }
        configuration.directory = settings.directory
        configuration.controlSocket = settings.socket
        configuration.pagesListen = settings.pages
        configuration.usesSpegelNames = settings.spegelMetrics
        addPeers(settings.peers, to: &configuration)
        self.configuration = configuration
    }

    private static func registry(_ settings: NodeSettings, usesTLS: Bool) -> PeerRegistryConfiguration {
        var registry = PeerRegistryConfiguration()
        registry.order = settings.order.compactMap { PeerRegistryConfiguration.Source(rawValue: $0) }
        registry.central = settings.central
        registry.tagsFromPeers = PeerRegistryConfiguration.TagTrust(rawValue: settings.tagsFromPeers) ?? .fallback
        registry.registryPort =
            settings.listen.first.flatMap { $0.split(separator: ":").last }.flatMap { Int($0) } ?? 5000
        registry.usesTLS = usesTLS
        registry.resolveTimeout = settings.resolveTimeout
        registry.answerTimeout = settings.answerTimeout
        registry.stallTimeout = settings.stallTimeout
        return registry
    }

    private mutating func addPeers(_ peers: NodePeerSettings, to configuration: inout NodeConfiguration) {
        configuration.peerListen =
            peers.listen ?? NodeConfiguration.standardPeerListen(port: 5001)
        configuration.advertise = peers.advertise ?? []
        configuration.bootstrapListen = peers.bootstrapListen
        if !peers.bootstrap.isEmpty { configuration.bootstrap.append(.addresses(peers.bootstrap)) }
        if let name = peers.bootstrapName { configuration.bootstrap.append(.dns(name)) }
        if let url = peers.bootstrapURL { configuration.bootstrap.append(.http(url: url, tls: PeerHTTP.TLS())) }
        if let k3s = peers.k3s { add(k3s, to: &configuration) }
        guard let key = peers.networkKey else { return }
        do {
            configuration.networkKey = try PrivateNetworkKey(file: key.value.reveal())
        } catch {
            problems.append(ConfigurationProblem("'networkKey' cannot be used: \(error)", at: key.place))
        }
    }

    private mutating func add(_ settings: NodeK3sSettings, to configuration: inout NodeConfiguration) {
        let names = K3sNames(program: settings.program)
        if let server = settings.server {
            configuration.bootstrap.append(.http(url: server + names.peersPath, tls: configuration.peerTLS))
        }
        if settings.annotations {
            configuration.bootstrap.append(
                .annotations(
                    NodeConfiguration.Annotations(
                        names: names, kubeconfig: settings.kubeconfig, context: settings.context,
                        ownNode: settings.node)))
        } else if settings.server == nil {
            problems.append(
                ConfigurationProblem(
                    "'node.peers.k3s' asks nobody; give 'server', or 'annotations: true'", at: .init(source: source)))
        }
    }
}

extension NodeConfiguration {
    /// All addresses of this machine: a socket on `::` takes IPv4 as well, where there is IPv6 at all.
    static func standardPeerListen(port: Int) -> [Multiaddr] {
        let hasIPv6 = OwnAddresses.ofMachine().contains { $0.contains(":") }
        return [Multiaddr(ip: hasIPv6 ? "::" : "0.0.0.0", port: port)].compactMap(\.self)
    }

    /// The port that peers use, the same on every node.
    var peerPort: Int { peerListen.first?.endpoint?.port ?? 5001 }
}
