internal import NIOCore

/// Which connections there are, and which may come to be. No I/O: what to close is returned.
struct ConnectionTable {
    struct Entry {
        let connection: PeerConnection
        let openedAt: NIODeadline
        var usedAt: NIODeadline
        /// The peer takes no more streams on it.
        var isGoing = false
        let address: String?
        /// What the last ping took.
        var roundTrip: TimeAmount?
    }

    private let configuration: HostConfiguration
    private var entries: [UInt64: Entry] = [:]
    private var byPeer: [PeerID: [UInt64]] = [:]
    /// Inbound, established or not, by address.
    private var addressCounts: [String: Int] = [:]
    private var handshakeCount = 0
    private var lastID: UInt64 = 0
    private var isClosed = false

    init(_ configuration: HostConfiguration) { self.configuration = configuration }

    var count: Int { entries.count }
    var peers: [PeerID] { Array(byPeer.keys) }
    var connections: [PeerConnection] { entries.values.map(\.connection) }

    mutating func nextID() -> UInt64 {
        lastID += 1
        return lastID
    }

    /// Whether an inbound connection may begin its handshake. If so, ``handshakeEnded(from:)`` has to follow.
    mutating func admit(from address: String?, isLoopback: Bool) -> Bool {
        guard !isClosed, handshakeCount < configuration.handshakeLimit else { return false }
        if let address, !isLoopback {
            guard addressCounts[address, default: 0] < configuration.connectionsPerAddress else { return false }
        }
        if let address { addressCounts[address, default: 0] += 1 }
        handshakeCount += 1
        return true
    }

    /// The handshake of an admitted connection has ended, well or not.
    mutating func handshakeEnded() { handshakeCount -= 1 }

    /// An admitted connection is gone.
    mutating func left(_ address: String?) {
        guard let address, let count = addressCounts[address] else { return }
        addressCounts[address] = count > 1 ? count - 1 : nil
    }

    enum Admission {
        case added
        /// Instead of another, which is to be closed.
        case replaces(PeerConnection)
        /// To be closed.
        case refused
    }

    /// Takes in a connection that is established.
    mutating func add(_ connection: PeerConnection, address: String?, now: NIODeadline) -> Admission {
        guard !isClosed else { return .refused }
        var victim: PeerConnection?
        if entries.count >= configuration.connectionLimit {
            let candidate = entries.values.filter { now - $0.openedAt >= TimeAmount(configuration.connectionGrace) }
                .min { $0.usedAt < $1.usedAt }
            guard let candidate else { return .refused }
            victim = candidate.connection
            remove(candidate.connection.id)
        }
        entries[connection.id] = Entry(connection: connection, openedAt: now, usedAt: now, address: address)
        byPeer[connection.peer, default: []].append(connection.id)
        return victim.map { .replaces($0) } ?? .added
    }

    /// - Returns: the peer, where this was the last connection to it.
    @discardableResult
    mutating func remove(_ id: UInt64) -> PeerID? {
        guard let entry = entries.removeValue(forKey: id) else { return nil }
        let peer = entry.connection.peer
        byPeer[peer]?.removeAll { $0 == id }
        guard byPeer[peer]?.isEmpty == true else { return nil }
        byPeer[peer] = nil
        return peer
    }

    mutating func markGoing(_ id: UInt64) { entries[id]?.isGoing = true }

    mutating func markPonged(_ id: UInt64, after roundTrip: TimeAmount) { entries[id]?.roundTrip = roundTrip }

    var snapshot: [HostConnection] {
        entries.values.map { entry in
            HostConnection(
                peer: entry.connection.peer, direction: entry.connection.direction,
                remoteAddress: entry.connection.remoteAddress,
                roundTrip: entry.roundTrip.map { .nanoseconds($0.nanoseconds) })
        }
    }

    mutating func markUsed(_ id: UInt64, now: NIODeadline) { entries[id]?.usedAt = now }

    /// The newest connection to `peer` that takes streams.
    func connection(to peer: PeerID) -> PeerConnection? {
        (byPeer[peer] ?? []).reversed().lazy.compactMap { entries[$0] }.first { !$0.isGoing }?.connection
    }

    /// The same, of those that there were before `time`.
    func connection(to peer: PeerID, openedBefore time: NIODeadline) -> PeerConnection? {
        (byPeer[peer] ?? []).lazy.compactMap { entries[$0] }.first { !$0.isGoing && $0.openedAt < time }?.connection
    }

    /// A connection to a peer that one of `addresses` names, or that we have dialled there.
    func connection(toAnyoneAt addresses: [Multiaddr]) -> PeerConnection? {
        for address in addresses {
            if let peer = address.peerID, let connection = connection(to: peer) { return connection }
        }
        let targets = Set(addresses.compactMap(\.withoutPeer))
        return entries.values.first { entry in
            !entry.isGoing && entry.connection.direction == .outbound
                && entry.connection.remoteAddress.map(targets.contains) == true
        }?.connection
    }

    /// Takes nothing in any more.
    mutating func close() -> [PeerConnection] {
        isClosed = true
        return connections
    }
}
