internal import CoreMetrics
package import LibP2P

/// What a node can tell of its part in the network, at one moment.
package struct PeerNetworkStatus: Sendable {
    /// A peer that is connected, or in the routing table, or both.
    package struct Peer: Sendable, Hashable {
        package enum Connection: String, Sendable, Hashable {
            case none, inbound, outbound
        }

        package let peer: PeerID
        package let addresses: [Multiaddr]
        package let connection: Connection
        /// Whether it is asked in look-ups: it speaks the protocol, and has answered.
        package let isInTable: Bool
        /// What it calls itself; empty where it has not said.
        package let agentVersion: String
        /// What the last ping of a connection took.
        package let roundTrip: Duration?
        /// How long its last answer took, connecting included where that was needed.
        package let answerTime: Duration?
        /// How long ago that was.
        package let answeredAgo: Duration?
    }

    package let identity: PeerID
    package let listenAddresses: [Multiaddr]
    /// What peers are told; none means that nobody can find us.
    package let advertisedAddresses: [Multiaddr]
    package let isReady: Bool
    package let isPrivateNetwork: Bool
    package let advertisedKeys: Int
    /// Keys of which nobody was told yet.
    package let untoldKeys: Int
    /// Records that others gave us, and who they are.
    package let recordCount: Int
    package let providerCount: Int
    /// In the order of their IDs' text.
    package let peers: [Peer]

    package var tableCount: Int { peers.count { $0.isInTable } }
    package var connectedCount: Int { peers.count { $0.connection != .none } }
}

extension PeerNetwork {
    package var status: PeerNetworkStatus {
        let routing = router.status
        let entries = Dictionary(
            routing.entries.map { ($0.record.peer, $0) }, uniquingKeysWith: { first, _ in first })
        let connections = Dictionary(grouping: host.connections, by: \.peer)
        let peers = Set(entries.keys).union(connections.keys).map { peer in
            let entry = entries[peer]
            let connection = connections[peer]?.first
            let identified = host.identified(peer)
            return PeerNetworkStatus.Peer(
                peer: peer, addresses: entry?.record.addresses ?? identified?.listenAddresses ?? [],
                connection: connection.map { $0.direction == .inbound ? .inbound : .outbound } ?? .none,
                isInTable: entry != nil, agentVersion: identified?.agentVersion ?? "",
                roundTrip: connections[peer]?.compactMap(\.roundTrip).min(), answerTime: entry?.answerTime,
                answeredAgo: entry.map { routing.now - $0.answeredAt })
        }
        return PeerNetworkStatus(
            identity: peerID, listenAddresses: host.listenAddresses, advertisedAddresses: host.advertisedAddresses,
            isReady: routing.isReady, isPrivateNetwork: host.isInPrivateNetwork,
            advertisedKeys: routing.advertisedKeys, untoldKeys: routing.untoldKeys, recordCount: routing.recordCount,
            providerCount: routing.providerCount, peers: peers.sorted { $0.peer.description < $1.peer.description })
    }
}

/// The metrics that measure a state.
struct PeerNetworkGauges: Sendable {
    private let known = Gauge(label: "weir_peers_known")
    private let connected = Gauge(label: "weir_peers_connected")
    private let advertised = Gauge(label: "weir_peer_keys_advertised")
    private let untold = Gauge(label: "weir_peer_keys_untold")
    private let records = Gauge(label: "weir_peer_records_held")
    private let ready = Gauge(label: "weir_peers_ready")

    func record(_ status: PeerNetworkStatus) {
        known.record(status.tableCount)
        connected.record(status.connectedCount)
        advertised.record(status.advertisedKeys)
        untold.record(status.untoldKeys)
        records.record(status.recordCount)
        ready.record(status.isReady ? 1 : 0)
    }
}
