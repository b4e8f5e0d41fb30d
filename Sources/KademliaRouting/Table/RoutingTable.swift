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
    /// By the length of the common prefix; empty ones at the end are left out.
    private var buckets: [[Entry]] = []
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
        while buckets.count <= length { buckets.append([]) }
        if let index = index(of: record.peer, record.point, at: length) {
            buckets[length][index].answeredAt = now
            if let answerTime { buckets[length][index].answerTime = answerTime }
            if !record.addresses.isEmpty { buckets[length][index].record = record }
            return .renewed
        }
        let entry = Entry(record: record, answeredAt: now, answerTime: answerTime)
        guard buckets[length].count >= bucketSize else {
            buckets[length].append(entry)
            count += 1
            return .added
        }
        let oldest = buckets[length].indices.min { buckets[length][$0].answeredAt < buckets[length][$1].answeredAt }
        guard let oldest, now - buckets[length][oldest].answeredAt >= graceTime else { return .refused }
        let replaced = buckets[length][oldest].record.peer
        buckets[length][oldest] = entry
        return .replaced(replaced)
    }

    /// Whether ``add(_:answerTime:now:)`` would take the peer: nobody who cannot be kept has to be asked.
    package func hasRoom(for record: PeerRecord, now: Duration) -> Bool {
        guard record.peer != own else { return false }
        let length = ownPoint.commonPrefixLength(with: record.point)
        guard length < buckets.count else { return true }
        return buckets[length].count < bucketSize
            || buckets[length].contains { $0.record.peer == record.peer || now - $0.answeredAt >= graceTime }
    }

    @discardableResult
    package mutating func remove(_ record: PeerRecord) -> Bool {
        let length = ownPoint.commonPrefixLength(with: record.point)
        guard let index = index(of: record.peer, record.point, at: length) else { return false }
        buckets[length].remove(at: index)
        count -= 1
        return true
    }

    /// - Parameter point: the peer's, where it is known already.
    package func entry(_ peer: PeerID, at point: KeyspacePoint? = nil) -> Entry? {
        let point = point ?? KeyspacePoint(peer)
        let length = ownPoint.commonPrefixLength(with: point)
        return index(of: peer, point, at: length).map { buckets[length][$0] }
    }

    /// New addresses of a peer that is in the table.
    package mutating func update(_ record: PeerRecord) {
        let length = ownPoint.commonPrefixLength(with: record.point)
        guard let index = index(of: record.peer, record.point, at: length) else { return }
        buckets[length][index].record = record
    }

    private func index(of peer: PeerID, _ point: KeyspacePoint, at length: Int) -> Int? {
        // Points are compared first: four numbers, where an ID is some 38 bytes elsewhere in memory.
        guard length < buckets.count else { return nil }
        return buckets[length].firstIndex { $0.record.point == point && $0.record.peer == peer }
    }

    package var entries: [Entry] { buckets.flatMap { $0 } }

    /// The `count` peers that are nearest to `target`, the nearest first.
    /// - Parameter left: a peer that is left out.
    package func nearest(to target: KeyspacePoint, count: Int, without left: PeerID? = nil) -> [PeerRecord] {
        let length = ownPoint.commonPrefixLength(with: target)
        let leftPoint = left.map { KeyspacePoint($0) }
        var found: [PeerRecord] = []
        found.reserveCapacity(count)
        // Those that share with the target what we share not; then all that lie as far from it as we do.
        append(length..<(length + 1), target, leftPoint, count, to: &found)
        append((length + 1)..<max(length + 1, buckets.count), target, leftPoint, count, to: &found)
        for shorter in stride(from: min(length, buckets.count) - 1, through: 0, by: -1) where found.count < count {
            append(shorter..<(shorter + 1), target, leftPoint, count, to: &found)
        }
        return found
    }

    private struct Place {
        let distance: KeyspacePoint
        let bucket: Int
        let index: Int
    }

    /// Sorts places and not entries, which are large and counted.
    private func append(
        _ range: Range<Int>, _ target: KeyspacePoint, _ left: KeyspacePoint?, _ count: Int,
        to found: inout [PeerRecord]
    ) {
        let wanted = count - found.count
        guard wanted > 0 else { return }
        var places: [Place] = []
        for bucket in range.clamped(to: buckets.indices) {
            for index in buckets[bucket].indices where buckets[bucket][index].record.point != left {
                places.append(
                    Place(
                        distance: buckets[bucket][index].record.point.distance(to: target), bucket: bucket,
                        index: index))
            }
        }
        if wanted < places.count / 8 {
            // For the few that are missing a bucket's neighbours are not worth sorting.
            for position in 0..<wanted {
                guard let nearest = places[position...].indices.min(by: { places[$0].distance < places[$1].distance })
                else { break }
                places.swapAt(position, nearest)
            }
        } else {
            places.sort { $0.distance < $1.distance }
        }
        for place in places.prefix(wanted) { found.append(buckets[place.bucket][place.index].record) }
    }

    /// Peers that have not answered for so long that they have to be asked again.
    package func silent(for time: Duration, now: Duration) -> [PeerRecord] {
        entries.filter { now - $0.answeredAt >= time }.map(\.record)
    }

    /// The longest prefix that any peer has in common with us.
    package var longestPrefix: Int { buckets.lastIndex { !$0.isEmpty } ?? 0 }
}
