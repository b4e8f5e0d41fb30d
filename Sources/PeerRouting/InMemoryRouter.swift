internal import Synchronization

/// The peers of one process, for tests and for a node that stands alone.
package final class InMemorySwarm: Sendable {
    private let providers = Mutex<[RoutingKey: [ContentPeer]]>([:])

    package init() {}

    fileprivate func advertise(_ keys: Set<RoutingKey>, by peer: ContentPeer) {
        providers.withLock { providers in
            for key in keys where providers[key]?.contains(peer) != true { providers[key, default: []].append(peer) }
        }
    }

    fileprivate func withdraw(_ keys: Set<RoutingKey>, by peer: ContentPeer) {
        providers.withLock { providers in
            for key in keys {
                providers[key]?.removeAll { $0 == peer }
                if providers[key]?.isEmpty == true { providers[key] = nil }
            }
        }
    }

    fileprivate func peers(with key: RoutingKey) -> [ContentPeer] { providers.withLock { $0[key] ?? [] } }
}

/// One peer's view of an ``InMemorySwarm``.
package struct InMemoryRouter: PeerRouting {
    private let swarm: InMemorySwarm
    private let own: ContentPeer

    package init(_ swarm: InMemorySwarm, as own: ContentPeer) {
        self.swarm = swarm
        self.own = own
    }

    package var isReady: Bool { true }

    package func lookUp(
        _ key: RoutingKey, limit: Int, found: @escaping @Sendable (ContentPeer) -> Void
    ) async throws {
        for peer in swarm.peers(with: key).filter({ $0 != own }).prefix(limit) { found(peer) }
    }

    package func advertise(_ keys: Set<RoutingKey>) { swarm.advertise(keys, by: own) }

    package func withdraw(_ keys: Set<RoutingKey>) { swarm.withdraw(keys, by: own) }
}
