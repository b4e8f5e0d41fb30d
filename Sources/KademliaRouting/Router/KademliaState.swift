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
    package var lost: LostPeers
    package var chance: Chance
    private var isBeginning = true
    /// Peers that were known when all keys were last made due, or fewer since.
    private var knownWhenHastened = 0
    private var hastenedAt: Duration?
    private let resultCount = 20

    package init(
        own: PeerID, configuration: KademliaConfiguration = KademliaConfiguration(), chance: Chance = Chance()
    ) {
        self.own = own
        self.chance = chance
        lost = LostPeers(chance: Chance(seed: self.chance.next()))
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
            let point = KeyspacePoint(hashing: request.key)
            var closer = nearest(to: point, without: sender)
            if let peer = try? PeerID(bytes: request.key) {
                let known = record(of: peer, at: point, ownAddresses: ownAddresses, addresses)
                closer.removeAll { $0.peer == peer }
                if let known { closer.insert(known, at: 0) }
            }
            return .message(KademliaMessage(.findNode, closerPeers: closer))
        case .getProviders:
            guard !request.key.isEmpty else { return .reset }
            let point = KeyspacePoint(hashing: request.key)
            var having = providers.providers(at: point, now: now).filter { !$0.addresses.isEmpty }
                .shuffled(using: &chance)
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

    /// Whether a peer that has appeared should be asked whether it will do for the table. Of one that is there already
    /// the addresses are renewed, and in what it has told as well.
    package mutating func isWanted(_ peer: PeerRecord, now: Duration) -> Bool {
        guard !peer.addresses.isEmpty else { return false }
        providers.update(peer)
        guard table.entry(peer.peer, at: peer.point) == nil else {
            table.update(peer)
            return false
        }
        return table.hasRoom(for: peer, now: now)
    }

    /// What becomes of the table when a peer was asked.
    package enum Outcome: Sendable, Hashable {
        case unchanged
        /// Somebody is known where nobody was.
        case firstPeer
        case nobodyLeft
    }

    /// Who answers belongs into the table, and who does not is taken out.
    /// - Parameter time: how long the answer took; nil where there was none.
    package mutating func note(_ record: PeerRecord, answeredAfter time: Duration?, now: Duration) -> Outcome {
        guard let time else {
            lose(record, now: now)
            return table.count == 0 ? .nobodyLeft : .unchanged
        }
        lost.remove(record.peer)
        guard !record.addresses.isEmpty, table.add(record, answerTime: time, now: now) == .added, table.count == 1
        else { return .unchanged }
        return .firstPeer
    }

    /// A look-up did not wait for it any longer. It stays in the table until it has not answered by itself either.
    package mutating func suspect(_ record: PeerRecord, now: Duration) {
        guard let entry = table.entry(record.peer, at: record.point) else { return }
        lost.suspect(entry.record, now: now)
    }

    /// It is tried again later.
    private mutating func lose(_ record: PeerRecord, now: Duration) {
        guard let entry = table.entry(record.peer, at: record.point) else { return }
        table.remove(record)
        knownWhenHastened = min(knownWhenHastened, table.count)
        lost.note(entry.record, now: now)
        if table.count == 0 { isBeginning = true }
    }

    /// Makes all our keys due, as when the first peers appear.
    package mutating func hasten(now: Duration) {
        sweep.hasten(now: now)
        knownWhenHastened = table.count
        hastenedAt = now
    }

    /// Makes all our keys due where so many more peers are known than before that other peers are nearest to them: in a
    /// network that starts, what was told first would be looked for elsewhere until it is told again.
    /// - Returns: whether that is so.
    package mutating func hastenAfterGrowth(now: Duration) -> Bool {
        guard let hastenedAt, sweep.count > 0, 2 * table.count >= 3 * max(knownWhenHastened, resultCount),
            now - hastenedAt >= Self.hastenInterval
        else { return false }
        hasten(now: now)
        return true
    }

    private static let hastenInterval = Duration.seconds(60)

    /// Whether somebody is known now where nobody was before; true once.
    package mutating func takeBeginning() -> Bool {
        guard isBeginning, table.count > 0 else { return false }
        isBeginning = false
        return true
    }

    private func nearest(to point: KeyspacePoint, without sender: PeerID) -> [PeerRecord] {
        // Nobody is in the table without an address.
        table.nearest(to: point, count: resultCount, without: sender)
    }

    private func record(
        of peer: PeerID, at point: KeyspacePoint, ownAddresses: [Multiaddr], _ addresses: (PeerID) -> [Multiaddr]
    ) -> PeerRecord? {
        if peer == own { return PeerRecord(peer: own, addresses: ownAddresses) }
        if let entry = table.entry(peer, at: point) { return entry.record }
        let known = addresses(peer)
        return known.isEmpty ? nil : PeerRecord(peer: peer, addresses: known)
    }

    /// A look-up that begins with what the table has, and passes over who does not answer.
    package func lookup(_ target: KeyspacePoint, limits: Lookup.Limits = Lookup.Limits()) -> Lookup {
        Lookup(
            target: target, own: own, seeds: table.nearest(to: target, count: limits.resultCount),
            avoiding: lost.count == 0 ? [] : lost.silent, limits: limits)
    }
}
