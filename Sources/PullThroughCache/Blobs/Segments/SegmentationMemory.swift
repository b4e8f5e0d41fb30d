internal import Timekeeping

/// What fetching in segments has brought at one upstream.
struct SegmentationMemory: Sendable {
    /// It gained throughput the last time it was tried.
    private(set) var helps = false
    private var pausedUntil: Timestamp?

    func isAllowed(at now: Timestamp) -> Bool { pausedUntil.map { now >= $0 } ?? true }

    mutating func noteGain() {
        helps = true
        pausedUntil = nil
    }

    /// It gained nothing; or the upstream refused, or contradicted itself.
    mutating func notePointless(until moment: Timestamp) {
        helps = false
        pausedUntil = moment
    }
}
