/// How good a budget is at any moment until ``validUntil``: the higher ``rank``, then the more pulls per time that is
/// left of its window.
struct QuotaScore: Sendable, Hashable {
    /// 0: nothing can be had.
    var rank: UInt8
    /// Pulls, or pulls per millisecond where ``end`` is nil.
    var headroom: Double
    /// When the window ends, in milliseconds; nil where ``headroom`` is a rate that no time changes.
    var end: Int64?
    /// When something changes by itself: a window ends, a block is over. `Int64.max`: nothing does.
    var validUntil: Int64

    static func unusable(until moment: Int64) -> QuotaScore {
        QuotaScore(rank: 0, headroom: 0, end: nil, validUntil: moment)
    }

    /// Pulls per millisecond.
    func rate(at now: Int64) -> Double {
        guard let end else { return headroom }
        return headroom / Double(max(1, end - now))
    }

    /// Whether it is better than `other`, which stands before it where both are alike.
    func isBetter(than other: QuotaScore, at now: Int64) -> Bool {
        if rank != other.rank { return rank > other.rank }
        // Of those that give nothing the one that opens first tells when it is worth asking again.
        if rank == 0 { return validUntil < other.validUntil }
        return rate(at: now) > other.rate(at: now)
    }

    /// When `other`, which is no better at `now`, becomes better by the passing of time alone; `Int64.max`: never.
    func overtaken(by other: QuotaScore, after now: Int64) -> Int64 {
        // A rate that no time changes overtakes nothing, since the others only grow.
        guard rank == other.rank, rank > 0, let otherEnd = other.end, other.headroom > 0 else { return .max }
        let otherRest = Double(max(1, otherEnd - now))
        let wait: Double
        if let end {
            // h / (r - t) = h' / (r' - t), of which r and r' are the times left now.
            let difference = headroom - other.headroom
            guard difference != 0 else { return .max }
            wait = (headroom * otherRest - other.headroom * Double(max(1, end - now))) / difference
        } else {
            guard headroom > 0 else { return now + 1 }
            wait = otherRest - other.headroom / headroom
        }
        guard wait >= 0, wait < 1e15 else { return .max }
        return now + max(1, Int64(wait))
    }
}
