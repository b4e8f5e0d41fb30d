/// Which part of a blob each of several transfers brings.
///
/// Begins with one segment, the whole. A transfer that has a hand free takes the second half of the largest remainder;
/// what a broken one leaves is taken up first.
struct SegmentPlan: Sendable {
    struct Segment: Sendable, Hashable {
        let id: Int
        /// What has yet to come; the lower bound moves up.
        var remainder: Range<Int64>
    }

    /// Segments that are being transferred.
    private(set) var active: [Int: Segment] = [:]
    /// What transfers left behind.
    private(set) var abandoned: [Range<Int64>] = []
    private var nextID = 0

    /// - Parameter remainder: what is to be transferred. Its end is `Int64.max` where the size is not known; such a
    ///   segment is never split.
    init(_ remainder: Range<Int64>) {
        abandoned = remainder.isEmpty ? [] : [remainder]
    }

    var isComplete: Bool { active.isEmpty && abandoned.isEmpty }

    /// What has yet to come in all.
    var missingBytes: Int64 {
        (active.values.map(\.remainder) + abandoned).reduce(0) { total, range in
            let (sum, overflow) = total.addingReportingOverflow(range.upperBound - range.lowerBound)
            return overflow ? .max : sum
        }
    }

    /// A segment for a transfer that has none: what another left behind, or half of the largest remainder if both
    /// halves have `minimumBytes`; nil where there is nothing worth it.
    mutating func take(minimumBytes: Int64) -> Segment? {
        if let first = abandoned.indices.min(by: { abandoned[$0].lowerBound < abandoned[$1].lowerBound }) {
            return activate(abandoned.remove(at: first))
        }
        guard let largest = active.values.max(by: { $0.remainder.count64 < $1.remainder.count64 }),
            largest.remainder.upperBound != .max, largest.remainder.count64 >= 2 * minimumBytes
        else { return nil }
        let middle = largest.remainder.lowerBound + largest.remainder.count64 / 2
        active[largest.id]?.remainder = largest.remainder.lowerBound..<middle
        return activate(middle..<largest.remainder.upperBound)
    }

    /// The blob's size has become known.
    mutating func bound(to size: Int64) {
        for (id, segment) in active where segment.remainder.upperBound == .max {
            let lower = segment.remainder.lowerBound
            active[id]?.remainder = lower..<max(lower, size)
        }
    }

    /// The end of a segment, which may have moved down since it was taken.
    func end(of id: Int) -> Int64 { active[id]?.remainder.upperBound ?? 0 }

    mutating func advance(_ id: Int, to offset: Int64) {
        guard let segment = active[id] else { return }
        let lower = min(max(offset, segment.remainder.lowerBound), segment.remainder.upperBound)
        active[id]?.remainder = lower..<segment.remainder.upperBound
    }

    /// Everything of the segment has come.
    mutating func finish(_ id: Int) { active[id] = nil }

    /// The transfer is given up; the rest is left for another.
    mutating func abandon(_ id: Int) {
        guard let segment = active.removeValue(forKey: id), !segment.remainder.isEmpty else { return }
        abandoned.append(segment.remainder)
    }

    private mutating func activate(_ range: Range<Int64>) -> Segment {
        let segment = Segment(id: nextID, remainder: range)
        nextID += 1
        active[segment.id] = segment
        return segment
    }
}

extension Range<Int64> {
    fileprivate var count64: Int64 { upperBound - lowerBound }
}
