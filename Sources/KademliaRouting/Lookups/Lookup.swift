package import LibP2P

/// One iterative look-up as a value: whom to ask next, from what was answered so far.
///
/// It ends when the 3 nearest peers that can be reached have answered, and then the rest of the nearest 20, or when
/// nobody is left; `isStopped` ends it before. libp2p specification, "kad-dht", as Go does it.
package struct Lookup: Sendable {
    package struct Limits: Sendable, Hashable {
        /// Peers that make up the result.
        package var resultCount = 20
        /// Requests under way at once.
        package var concurrency = 10
        /// Nearest peers that must have answered.
        package var resiliency = 3
        /// Peers taken from one answer.
        package var peersPerAnswer = 40
        /// Requests in all, so that peers who invent nearer and nearer peers do not keep us for ever.
        package var requestMax = 200

        package init() {}
    }

    private enum Standing: Hashable {
        /// Goes to `waiting`.
        case heard
        /// Goes to `answered` or `unreachable`.
        case waiting
        case answered
        case unreachable
    }

    private struct Candidate: Sendable {
        let record: PeerRecord
        let distance: KeyspacePoint
        /// 1 for a peer of our own table, one more for each peer in between.
        let depth: Int
        var standing = Standing.heard
    }

    package let target: KeyspacePoint
    private let own: PeerID
    private let avoided: Set<PeerID>
    private let limits: Limits
    /// The nearest first.
    private var candidates: [Candidate] = []
    private var known: Set<PeerID> = []
    private var waitingCount = 0
    private var isFollowingUp = false
    package private(set) var isStopped = false
    /// Requests that were made.
    package private(set) var requestCount = 0
    /// The longest way over which an answer has come.
    package private(set) var hops = 0

    /// - Parameters:
    ///   - seeds: whom to begin with.
    ///   - avoided: peers that do not answer at the moment; nobody waits for them.
    package init(
        target: KeyspacePoint, own: PeerID, seeds: [PeerRecord], avoiding avoided: Set<PeerID> = [],
        limits: Limits = Limits()
    ) {
        self.target = target
        self.own = own
        self.avoided = avoided
        self.limits = limits
        for seed in seeds { hear(seed, depth: 1) }
    }

    /// Peers to be asked now. For each, ``answered(_:closer:)`` or ``failed(_:)`` has to follow.
    package mutating func next() -> [PeerRecord] {
        var asked: [PeerRecord] = []
        while let index = nextIndex() {
            candidates[index].standing = .waiting
            waitingCount += 1
            requestCount += 1
            asked.append(candidates[index].record)
        }
        return asked
    }

    private mutating func nextIndex() -> Int? {
        guard !isStopped, waitingCount < limits.concurrency, requestCount < limits.requestMax else { return nil }
        if !isFollowingUp {
            let nearest = candidates.lazy.filter { $0.standing != .unreachable }.prefix(limits.resiliency)
            let isSettled = nearest.allSatisfy { $0.standing == .answered }
            if !isSettled { return candidates.firstIndex { $0.standing == .heard } }
            isFollowingUp = true
        }
        var reachable = 0
        for index in candidates.indices where candidates[index].standing != .unreachable {
            if candidates[index].standing == .heard { return index }
            reachable += 1
            if reachable >= limits.resultCount { break }
        }
        return nil
    }

    /// A peer has answered, and named these.
    package mutating func answered(_ peer: PeerID, closer: [PeerRecord]) {
        guard let index = waiting(peer) else { return }
        candidates[index].standing = .answered
        let depth = candidates[index].depth
        hops = max(hops, depth)
        for record in closer.prefix(limits.peersPerAnswer)
        where !record.addresses.isEmpty || known.contains(record.peer) {
            hear(record, depth: depth + 1)
        }
    }

    /// A peer cannot be reached, or answers nonsense.
    package mutating func failed(_ peer: PeerID) {
        guard let index = waiting(peer) else { return }
        candidates[index].standing = .unreachable
    }

    /// What was looked for is found.
    package mutating func stop() { isStopped = true }

    /// Nobody is being asked, and nobody will be.
    package var isFinished: Bool {
        var probe = self
        return waitingCount == 0 && probe.nextIndex() == nil
    }

    /// Over how many peers the one that answered was found.
    package func depth(of peer: PeerID) -> Int? { candidates.first { $0.record.peer == peer }?.depth }

    /// The nearest peers that were not found unreachable, at most 20; all have answered, unless it was stopped.
    package var result: [PeerRecord] {
        candidates.lazy.filter { $0.standing == .answered }.prefix(limits.resultCount).map(\.record)
    }

    /// Everybody who answered, or was named and not asked: the nearest first.
    package var heard: [PeerRecord] { candidates.filter { $0.standing != .unreachable }.map(\.record) }

    private mutating func waiting(_ peer: PeerID) -> Int? {
        guard let index = candidates.firstIndex(where: { $0.record.peer == peer && $0.standing == .waiting }) else {
            return nil
        }
        waitingCount -= 1
        return index
    }

    private mutating func hear(_ record: PeerRecord, depth: Int) {
        guard record.peer != own, !known.contains(record.peer), !avoided.contains(record.peer) else { return }
        let distance = record.point.distance(to: target)
        var low = 0
        var high = candidates.count
        while low < high {
            let middle = (low + high) / 2
            if candidates[middle].distance < distance { low = middle + 1 } else { high = middle }
        }
        // Who is farther than so many others will not be asked.
        guard low < Self.candidateMax else { return }
        known.insert(record.peer)
        candidates.insert(Candidate(record: record, distance: distance, depth: depth), at: low)
        guard candidates.count > Self.candidateMax, let last = candidates.lastIndex(where: { $0.standing == .heard })
        else { return }
        // Who was asked is kept; those are fewer.
        known.remove(candidates.remove(at: last).record.peer)
    }

    /// The farthest of more are forgotten.
    private static let candidateMax = 512
}
