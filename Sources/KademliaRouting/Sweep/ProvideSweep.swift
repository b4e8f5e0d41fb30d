internal import LibP2P

/// When which of our keys is told to whom: a sweep over the keyspace.
///
/// Neighbouring keys have the same nearest peers, so one look-up serves a whole region: all keys that share with its
/// target a bit more than the farthest of the 20 peers it found. Within that region every peer is known. Thousands of
/// keys take as many look-ups as there are regions, and not as there are keys.
package struct ProvideSweep: Sendable {
    package struct Limits: Sendable, Hashable {
        /// How often a key is told again.
        package var interval: Duration = .seconds(15 * 60)
        /// When it is tried again after nobody could be told.
        package var retryInterval: Duration = .seconds(30)
        /// Peers that are told of each key.
        package var replication = 20
        /// Keys that are told at once.
        package var batchMax = 1000
        package var keys = 200_000

        package init() {}
    }

    /// What to send to one peer.
    package struct Assignment: Sendable, Hashable {
        package let peer: PeerRecord
        package let keys: [ContentKey]
    }

    /// Of a key whose place is what it is kept under: there are thousands.
    private struct Entry: Sendable {
        let hash: KeyspacePoint
        var dueAt: Duration
        /// Whether anybody was told since it was added.
        var isTold = false
    }

    private let limits: Limits
    private var entries: [KeyspacePoint: Entry] = [:]
    /// Where the sweep stands; it goes on from there and around.
    private var position: KeyspacePoint?

    package init(_ limits: Limits = Limits()) { self.limits = limits }

    package var count: Int { entries.count }

    /// Keys of which nobody was told yet.
    package var untoldCount: Int { entries.values.count { !$0.isTold } }

    package func contains(_ point: KeyspacePoint) -> Bool { entries[point] != nil }

    /// - Returns: false where there are too many keys.
    @discardableResult
    package mutating func add(_ key: ContentKey, now: Duration) -> Bool {
        guard entries[key.point] == nil else { return true }
        guard entries.count < limits.keys else { return false }
        entries[key.point] = Entry(hash: key.hash, dueAt: now)
        return true
    }

    package mutating func remove(_ key: ContentKey) { entries[key.point] = nil }

    /// Makes all keys due, as when the first peers appear.
    package mutating func hasten(now: Duration) {
        for point in entries.keys { entries[point]?.dueAt = now }
    }

    /// When the next key is due; nil without keys.
    package var nextDue: Duration? { entries.values.map(\.dueAt).min() }

    /// The key whose region is to be looked up now: the next one due on the way round.
    package mutating func nextTarget(now: Duration) -> ContentKey? {
        let due = entries.lazy.filter { $0.value.dueAt <= now }
        guard let first = due.min(by: { $0.key < $1.key }) else { return nil }
        let next = position.flatMap { position in due.filter { $0.key > position }.min { $0.key < $1.key } } ?? first
        return ContentKey(hash: next.value.hash, at: next.key)
    }

    /// Hands out the due keys of `target`'s region, and expects them told.
    /// - Parameters:
    ///   - nearest: the result of the look-up of `target`.
    ///   - known: everybody that the look-up has heard of.
    package mutating func assign(
        around target: ContentKey, nearest: [PeerRecord], known: [PeerRecord], now: Duration
    ) -> [Assignment] {
        let prefix = regionPrefix(target.point, nearest)
        var keys: [ContentKey] = []
        for (point, entry) in entries
        where entry.dueAt <= now && point.commonPrefixLength(with: target.point) >= prefix {
            keys.append(ContentKey(hash: entry.hash, at: point))
        }
        keys.sort { $0.point < $1.point }
        if let start = keys.firstIndex(of: target) { keys = Array(keys[start...] + keys[..<start]) }
        keys = Array(keys.prefix(limits.batchMax))
        position = keys.last?.point ?? target.point
        let wait = nearest.isEmpty ? limits.retryInterval : limits.interval
        for key in keys { entries[key.point]?.dueAt = now + wait }
        guard !nearest.isEmpty else { return [] }

        let peers = known.map { (record: $0, point: $0.point) }
        var assigned: [PeerID: [ContentKey]] = [:]
        for key in keys {
            let nearest = peers.map { (distance: $0.point.distance(to: key.point), peer: $0.record.peer) }
                .sorted { $0.distance < $1.distance }
            for (_, peer) in nearest.prefix(limits.replication) { assigned[peer, default: []].append(key) }
        }
        return peers.compactMap { peer in
            assigned[peer.record.peer].map { Assignment(peer: peer.record, keys: $0) }
        }
    }

    /// Somebody was told of these.
    package mutating func told(_ keys: some Sequence<ContentKey>) {
        for key in keys { entries[key.point]?.isTold = true }
    }

    /// Nobody could be told of these; they are tried again soon.
    package mutating func retry(_ keys: some Sequence<ContentKey>, now: Duration) {
        for key in keys where entries[key.point] != nil {
            entries[key.point]?.dueAt = now + limits.retryInterval
        }
    }

    /// With fewer peers than a key is told to, all are known, and the region is the whole keyspace.
    private func regionPrefix(_ target: KeyspacePoint, _ nearest: [PeerRecord]) -> Int {
        guard nearest.count >= limits.replication, let farthest = nearest.last else { return 0 }
        return target.commonPrefixLength(with: farthest.point) + 1
    }
}
