package import LibP2P

/// Peers that were in the table and stopped answering: they are tried again for a while, so that a network which was
/// cut is whole again soon after it is healed.
package struct LostPeers: Sendable {
    private struct Entry: Sendable {
        let record: PeerRecord
        let since: Duration
    }

    private let countMax: Int
    private let lifetime: Duration
    private var entries: [PeerID: Entry] = [:]

    /// - Parameters:
    ///   - countMax: of more, the ones that were lost first are forgotten.
    ///   - lifetime: after which a peer is gone for good, such as a pod that was replaced.
    package init(countMax: Int = 40, lifetime: Duration = .seconds(3600)) {
        self.countMax = countMax
        self.lifetime = lifetime
    }

    package var count: Int { entries.count }

    /// Notes that a peer of the table has not answered. Who is noted already keeps its time.
    package mutating func note(_ record: PeerRecord, now: Duration) {
        guard entries[record.peer] == nil else { return }
        if entries.count >= countMax, let oldest = entries.min(by: { $0.value.since < $1.value.since })?.key {
            entries[oldest] = nil
        }
        entries[record.peer] = Entry(record: record, since: now)
    }

    /// The peer is back.
    package mutating func remove(_ peer: PeerID) { entries[peer] = nil }

    /// Whom to try; those who were lost too long ago are forgotten.
    package mutating func candidates(now: Duration) -> [PeerRecord] {
        entries = entries.filter { now - $0.value.since < lifetime }
        return entries.values.map(\.record)
    }
}
