package import LibP2P

/// What a node knows, and how it answers: no I/O, for the router as for a simulation of thousands of nodes.
package struct KademliaState: Sendable {
    package enum Reply: Sendable, Hashable {
        case message(KademliaMessage)
        /// The request has no answer.
        case silence
        /// The peer asks what nobody should.
        case reset
    }

    package let own: PeerID
    package var table: RoutingTable
    package var providers: ProviderStore
    package var sweep: ProvideSweep
    package var lost = LostPeers()
    private var isBeginning = true
    private let resultCount = 20

    package init(own: PeerID, configuration: KademliaConfiguration = KademliaConfiguration()) {
        self.own = own
        table = RoutingTable(own: own)
        providers = ProviderStore(configuration.providers)
        sweep = ProvideSweep(configuration.sweep)
    }

    /// Answers a request.
    /// - Parameters:
    ///   - sender: who has proved to be at the other end.
    ///   - ownAddresses: what peers are told of where we are.
    ///   - addresses: those of a peer that is connected, and not in the table.
    package mutating func reply(
        to request: KademliaMessage, from sender: PeerID, ownAddresses: [Multiaddr], now: Duration,
        addresses: (PeerID) -> [Multiaddr]
    ) -> Reply {
        switch request.kind {
        case .ping: return .message(KademliaMessage(.ping, key: request.key))
        case .findNode:
            guard !request.key.isEmpty else { return .reset }
            var closer = nearest(to: KeyspacePoint(hashing: request.key), without: sender)
            if let peer = try? PeerID(bytes: request.key) {
                let known = record(of: peer, ownAddresses: ownAddresses, addresses)
                closer.removeAll { $0.peer == peer }
                if let known { closer.insert(known, at: 0) }
            }
            return .message(KademliaMessage(.findNode, closerPeers: closer))
        case .getProviders:
            guard !request.key.isEmpty else { return .reset }
            let point = KeyspacePoint(hashing: request.key)
            var having = providers.providers(at: point, now: now).filter { !$0.addresses.isEmpty }.shuffled()
            if sweep.contains(point), !ownAddresses.isEmpty {
                having.insert(PeerRecord(peer: own, addresses: ownAddresses), at: 0)
            }
            return .message(
                KademliaMessage(
                    .getProviders, key: request.key, closerPeers: nearest(to: point, without: sender),
                    providerPeers: having))
        case .addProvider:
            let provider = request.providerPeers.first { $0.peer == sender && !$0.addresses.isEmpty }
            guard !request.key.isEmpty, let provider else { return .reset }
            providers.add(provider, at: KeyspacePoint(hashing: request.key), now: now)
            return .silence
        case .getValue, .putValue: return .reset
        }
    }

    /// A peer has not answered: it leaves the table, and is tried again later.
    package mutating func lose(_ record: PeerRecord, now: Duration) {
        guard let entry = table.entry(record.peer) else { return }
        table.remove(record.peer)
        lost.note(entry.record, now: now)
        if table.count == 0 { isBeginning = true }
    }

    /// Whether somebody is known now where nobody was before; true once.
    package mutating func takeBeginning() -> Bool {
        guard isBeginning, table.count > 0 else { return false }
        isBeginning = false
        return true
    }

    private func nearest(to point: KeyspacePoint, without sender: PeerID) -> [PeerRecord] {
        Array(
            table.nearest(to: point, count: resultCount + 1).filter { $0.peer != sender && !$0.addresses.isEmpty }
                .prefix(resultCount))
    }

    private func record(
        of peer: PeerID, ownAddresses: [Multiaddr], _ addresses: (PeerID) -> [Multiaddr]
    ) -> PeerRecord? {
        if peer == own { return PeerRecord(peer: own, addresses: ownAddresses) }
        if let entry = table.entry(peer) { return entry.record }
        let known = addresses(peer)
        return known.isEmpty ? nil : PeerRecord(peer: peer, addresses: known)
    }

    /// A look-up that begins with what the table has.
    package func lookup(_ target: KeyspacePoint, limits: Lookup.Limits = Lookup.Limits()) -> Lookup {
        Lookup(
            target: target, own: own, seeds: table.nearest(to: target, count: limits.resultCount), limits: limits)
    }
}
