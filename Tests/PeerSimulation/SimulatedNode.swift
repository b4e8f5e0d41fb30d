internal import KademliaRouting
internal import LibP2P

/// One node: the router's own state machines, and who is connected.
final class SimulatedNode {
    let record: PeerRecord
    var state: KademliaState
    var pace: RefreshPace
    var isAlive = false
    /// What it advertises.
    let keys: [ContentKey]
    /// Connections by when they were last used; bounded as a host's.
    private var connections: [Int: UInt64] = [:]
    /// Uses in their order, also those that later ones have made meaningless.
    private var uses: [(node: Int, use: UInt64)] = []
    /// The first of them that may mean something.
    private var firstUse = 0
    private var useCount: UInt64 = 0
    private let connectionLimit: Int
    /// Requests that it was sent in the time that is measured.
    var receivedCount = 0

    init(
        record: PeerRecord, keys: [ContentKey], configuration: KademliaConfiguration, connectionLimit: Int,
        chance: Chance
    ) {
        self.record = record
        self.keys = keys
        self.connectionLimit = connectionLimit
        state = KademliaState(own: record.peer, configuration: configuration, chance: chance)
        pace = RefreshPace(first: configuration.earlyRefreshInterval)
    }

    /// Uses the connection to a node, or makes one; the one that was longest unused gives way.
    /// - Returns: whether it is new, and who gave way.
    func connect(_ other: Int) -> (isNew: Bool, closed: Int?) {
        useCount += 1
        let isNew = connections.updateValue(useCount, forKey: other) == nil
        uses.append((other, useCount))
        if uses.count > 8 * connectionLimit { forgetOldUses() }
        guard isNew, connections.count > connectionLimit, let oldest = longestUnused() else { return (isNew, nil) }
        connections[oldest] = nil
        return (isNew, oldest)
    }

    /// In a step or two, where looking through all connections would take hundreds at every new one.
    private func longestUnused() -> Int? {
        while firstUse < uses.count {
            let (node, use) = uses[firstUse]
            if connections[node] == use { return node }
            firstUse += 1
        }
        return nil
    }

    private func forgetOldUses() {
        uses = uses[firstUse...].filter { connections[$0.node] == $0.use }
        firstUse = 0
    }

    func disconnect(_ other: Int) { connections[other] = nil }

    func isConnected(to other: Int) -> Bool { connections[other] != nil }

    var connected: [Int] { Array(connections.keys) }

    var connectionCount: Int { connections.count }
}
