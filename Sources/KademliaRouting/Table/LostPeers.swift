package import LibP2P

/// Peers that did not answer. Look-ups pass them over, and they are asked by themselves: those that were only late at
/// once, those that are out of the table ever more slowly, so that a network which was cut is whole again soon after it is
/// healed.
///
/// Who was away for some time is asked again after a quarter of it: what heals after a minute is whole again in another
/// quarter of one, and a node that is gone for good costs some forty attempts in the hour until it is forgotten. Nodes
/// spread their attempts by chance, so that they do not all ask in the same moment.
package struct LostPeers: Sendable {
    private struct Entry: Sendable {
        let record: PeerRecord
        let since: Duration
        var askedAt: Duration?
        var askAt: Duration
    }

    private let countMax: Int
    private let lifetime: Duration
    private var chance: Chance
    private var entries: [PeerID: Entry] = [:]

    /// - Parameters:
    ///   - countMax: of more, the ones that were lost first are forgotten.
    ///   - lifetime: after which a peer is gone for good, such as a pod that was replaced.
    package init(countMax: Int = 256, lifetime: Duration = .seconds(3600), chance: Chance = Chance()) {
        self.countMax = countMax
        self.lifetime = lifetime
        self.chance = chance
    }

    package var count: Int { entries.count }

    /// Whom look-ups are not to ask.
    package var silent: Set<PeerID> { Set(entries.keys) }

    /// Notes that a peer of the table has not answered and is taken out of it. Who is noted already keeps its time.
    package mutating func note(_ record: PeerRecord, now: Duration) {
        add(record, askAt: now + Self.pauseMin * chance.spread(), now: now)
    }

    /// Notes a peer of the table that took longer for a look-up than look-ups wait. It is asked by itself, with all the
    /// time that a peer has.
    package mutating func suspect(_ record: PeerRecord, now: Duration) { add(record, askAt: now, now: now) }

    private mutating func add(_ record: PeerRecord, askAt: Duration, now: Duration) {
        guard entries[record.peer] == nil else { return }
        if entries.count >= countMax, let oldest = entries.min(by: { $0.value.since < $1.value.since })?.key {
            entries[oldest] = nil
        }
        entries[record.peer] = Entry(record: record, since: now, askAt: askAt)
    }

    /// The peer is back.
    package mutating func remove(_ peer: PeerID) { entries[peer] = nil }

    /// A peer has sent something: it is asked soon.
    /// - Returns: whether it is one of these.
    package mutating func heard(_ peer: PeerID, now: Duration) -> Bool {
        guard let entry = entries[peer] else { return false }
        let soonest = entry.askedAt.map { max(now, $0 + Self.pauseMin) } ?? now
        entries[peer]?.askAt = min(entry.askAt, soonest)
        return true
    }

    /// Whom to ask now, the first in turn first; their next turn is set. Those who were lost too long ago are forgotten.
    package mutating func due(now: Duration, limit: Int) -> [PeerRecord] {
        entries = entries.filter { now - $0.value.since < lifetime }
        let due = entries.values.filter { $0.askAt <= now }.sorted { $0.askAt < $1.askAt }.prefix(limit).map(\.record)
        for record in due {
            guard let since = entries[record.peer]?.since else { continue }
            let pause = min(max((now - since) / 4, Self.pauseMin), Self.pauseMax)
            entries[record.peer]?.askedAt = now
            entries[record.peer]?.askAt = now + pause * chance.spread()
        }
        return due
    }

    /// When somebody is to be asked; nil for nobody.
    package var nextDue: Duration? { entries.values.map(\.askAt).min() }

    private static let pauseMin = Duration.seconds(5)
    private static let pauseMax = Duration.seconds(120)
}
