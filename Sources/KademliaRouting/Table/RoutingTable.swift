package import LibP2P

/// The peers we know to answer, more of them the nearer they are: buckets of 20 by common prefix with our own ID.
///
/// Bounded by 20 peers for each of the 257 lengths that a prefix can have.
package struct RoutingTable: Sendable {
    package struct Entry: Sendable {
        package var record: PeerRecord
        package var point: KeyspacePoint { record.point }
        /// When it last answered a request of ours.
        package var answeredAt: Duration
        /// How long its last answer took, connecting included where that was needed.
        package var answerTime: Duration?
    }

    package enum Addition: Sendable, Hashable {
        case added
        case renewed
        /// Takes the place of one that has not answered for long.
        case replaced(PeerID)
        case refused
    }

    private let own: PeerID
    private let ownPoint: KeyspacePoint
    private let bucketSize: Int
    /// After how long without an answer a peer may be replaced.
    private let graceTime: Duration
    private var buckets: [Int: [Entry]] = [:]
    package private(set) var count = 0

    package init(own: PeerID, bucketSize: Int = 20, graceTime: Duration = .seconds(43 * 60)) {
        self.own = own
        ownPoint = KeyspacePoint(own)
        self.bucketSize = bucketSize
        self.graceTime = graceTime
    }

    /// Takes in a peer that has just answered, or notes that it has.
    ///
    /// A full bucket keeps its peers as long as they answer: those that were there long tend to stay, and nobody can
    /// push them out.
    package mutating func add(_ record: PeerRecord, answerTime: Duration? = nil, now: Duration) -> Addition {
        guard record.peer != own else { return .refused }
        let length = ownPoint.commonPrefixLength(with: record.point)
        var bucket = buckets[length] ?? []
        if let index = bucket.firstIndex(where: { $0.record.peer == record.peer }) {
            bucket[index].answeredAt = now
            bucket[index].answerTime = answerTime ?? bucket[index].answerTime
            if !record.addresses.isEmpty { bucket[index].record = record }
            buckets[length] = bucket
            return .renewed
        }
        let entry = Entry(record: record, answeredAt: now, answerTime: answerTime)
        guard bucket.count >= bucketSize else {
            buckets[length, default: []].append(entry)
            count += 1
            return .added
        }
        guard let oldest = bucket.indices.min(by: { bucket[$0].answeredAt < bucket[$1].answeredAt }),
            now - bucket[oldest].answeredAt >= graceTime
        else { return .refused }
        let replaced = bucket[oldest].record.peer
        bucket[oldest] = entry
        buckets[length] = bucket
        return .replaced(replaced)
    }

    /// Whether ``add(_:answerTime:now:)`` would take the peer: nobody who cannot be kept has to be asked.
    package func hasRoom(for record: PeerRecord, now: Duration) -> Bool {
        guard record.peer != own else { return false }
        let bucket = buckets[ownPoint.commonPrefixLength(with: record.point)] ?? []
        return bucket.count < bucketSize
            || bucket.contains { $0.record.peer == record.peer || now - $0.answeredAt >= graceTime }
    }

    @discardableResult
    package mutating func remove(_ peer: PeerID) -> Bool {
        let length = ownPoint.commonPrefixLength(with: KeyspacePoint(peer))
        guard let index = buckets[length]?.firstIndex(where: { $0.record.peer == peer }) else { return false }
        buckets[length]?.remove(at: index)
        count -= 1
        return true
    }

    package func entry(_ peer: PeerID) -> Entry? {
        buckets[ownPoint.commonPrefixLength(with: KeyspacePoint(peer))]?.first { $0.record.peer == peer }
    }

    /// New addresses of a peer that is in the table.
    package mutating func update(_ record: PeerRecord) {
        let length = ownPoint.commonPrefixLength(with: record.point)
        guard let index = buckets[length]?.firstIndex(where: { $0.record.peer == record.peer }) else { return }
        buckets[length]?[index].record = record
    }

    package var entries: [Entry] { buckets.values.flatMap { $0 } }

    /// The `count` peers that are nearest to `target`, the nearest first.
    package func nearest(to target: KeyspacePoint, count: Int) -> [PeerRecord] {
        let length = ownPoint.commonPrefixLength(with: target)
        var found: [Entry] = []
        // Those that share with the target what we share not; then all that lie as far from it as we do.
        append(buckets[length] ?? [], target, to: &found)
        if found.count < count {
            append(buckets.filter { $0.key > length }.values.flatMap { $0 }, target, to: &found)
        }
        for shorter in stride(from: min(length, 257) - 1, through: 0, by: -1) where found.count < count {
            append(buckets[shorter] ?? [], target, to: &found)
        }
        return found.prefix(count).map(\.record)
    }

    private func append(_ entries: [Entry], _ target: KeyspacePoint, to found: inout [Entry]) {
        found += entries.map { ($0.point.distance(to: target), $0) }.sorted { $0.0 < $1.0 }.map(\.1)
    }

    /// Peers that have not answered for so long that they have to be asked again.
    package func silent(for time: Duration, now: Duration) -> [PeerRecord] {
        entries.filter { now - $0.answeredAt >= time }.map(\.record)
    }

    /// The longest prefix that any peer has in common with us.
    package var longestPrefix: Int { buckets.filter { !$0.value.isEmpty }.keys.max() ?? 0 }
}
