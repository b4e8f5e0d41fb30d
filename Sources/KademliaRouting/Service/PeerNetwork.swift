package import LibP2P
package import Logging
package import PeerRouting
internal import ServiceLifecycle
internal import Synchronization

/// A node's whole part in the network of peers: connections, hash table, identity. What a program runs.
package final class PeerNetwork: PeerRouting, Service {
    package let host: Host
    package let router: KademliaRouter
    private let configuration: PeerNetworkConfiguration
    private let trouble: BootstrapTrouble

    /// - Parameter identity: peers that know it find this node again (``IdentityFile``).
    package init(_ identity: Identity, _ configuration: PeerNetworkConfiguration, logger: Logger) {
        self.configuration = configuration
        host = Host(identity: identity, configuration: configuration.host, logger: logger)
        let trouble = BootstrapTrouble()
        self.trouble = trouble
        var routing = configuration.routing
        routing.bootstrapTrouble = { trouble.set($0) }
        router = KademliaRouter(
            network: HostNetwork(host), bootstrap: configuration.bootstrap, configuration: routing,
            logger: logger)
    }

    package var peerID: PeerID { host.peerID }

    /// Why the bootstrap finds nobody; nil where somebody is known, or nothing was tried yet.
    package var bootstrapTrouble: String? { router.isReady ? nil : trouble.reason }

    /// Takes part until a graceful shutdown or cancellation.
    /// - Throws: ``HostError`` where it cannot listen.
    package func run() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await self.host.run() }
            group.addTask {
                // Who is asked has to learn where we are; before that it could not take us in.
                _ = try await self.host.boundAddresses()
                await self.router.run()
            }
            group.addTask { await self.keepAddresses() }
            group.addTask { await self.keepGauges() }
            defer { group.cancelAll() }
            // The first to end is the host: by a shutdown, or because it cannot listen.
            try await group.next()
        }
    }

    /// The addresses listened on, once ``run()`` listens; suspends until then.
    package func boundAddresses() async throws -> [Multiaddr] { try await host.boundAddresses() }

    /// What a bootstrap list says of this node; without addresses until it listens.
    package var addressInformation: AddressInformation {
        AddressInformation(peer: peerID, addresses: host.advertisedAddresses)
    }

    // MARK: PeerRouting

    package var isReady: Bool { router.isReady }

    package func lookUp(
        _ key: RoutingKey, limit: Int, found: @escaping @Sendable (ContentPeer) -> Void
    ) async throws {
        try await router.lookUp(key, limit: limit, found: found)
    }

    package func advertise(_ keys: Set<RoutingKey>) { router.advertise(keys) }

    package func withdraw(_ keys: Set<RoutingKey>) { router.withdraw(keys) }

    // MARK: Upkeep

    private func keepAddresses() async {
        await untilShutdown(every: configuration.addressInterval) {
            // Who is connected has heard it; the others have records that lead elsewhere.
            if await self.host.renewAddresses() { self.router.tellAgain() }
        }
    }

    private func keepGauges() async {
        let gauges = PeerNetworkGauges()
        await untilShutdown(every: configuration.gaugeInterval) { gauges.record(self.status) }
    }

    private func untilShutdown(every interval: Duration, _ body: @escaping @Sendable () async -> Void) async {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                do { try await Task.sleep(for: interval) } catch { return }
                await body()
            }
        }
    }
}

/// What the router said last.
private final class BootstrapTrouble: Sendable {
    private let text = Mutex<String?>(nil)

    var reason: String? { text.withLock { $0 } }

    func set(_ reason: String?) { text.withLock { $0 = reason } }
}
