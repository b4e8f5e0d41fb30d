internal import Rules
internal import Timekeeping

/// Remembers that an upstream just failed, so that clients who can be served from the cache do not wait for the same
/// failure again. It never refuses anybody: who has nothing cached still asks.
///
/// Each failure in a row doubles the pause, from one second to a minute; one success ends it.
struct Breaker: Sendable {
    private var failures = 0
    private var pausedUntil: Timestamp?
    private var condition: OutageCondition?

    /// Whether asking is pointless at `now` for one who has something to serve instead.
    func isOpen(at now: Timestamp) -> Bool { pausedUntil.map { now < $0 } ?? false }

    /// How the upstream failed, while asking is pointless: what may be served instead depends on it.
    func openCondition(at now: Timestamp) -> OutageCondition? { isOpen(at: now) ? condition : nil }

    /// How the upstream failed when it was last asked; nil where it answered, or was never asked.
    var lastFailure: OutageCondition? { failures > 0 ? condition : nil }

    mutating func recordFailure(_ condition: OutageCondition, at now: Timestamp) {
        // Those that were under way when the first one failed tell nothing new.
        guard !isOpen(at: now) else { return }
        self.condition = condition
        failures = min(failures + 1, 7)
        pausedUntil = now + .seconds(min(60, 1 << (failures - 1)))
    }

    mutating func recordSuccess() {
        failures = 0
        pausedUntil = nil
    }
}
