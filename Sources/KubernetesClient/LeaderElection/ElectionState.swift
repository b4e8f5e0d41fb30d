/// Decides who leads, as one candidate sees it.
///
/// Another's lease is over when its record was seen unchanged for the duration that it names, counted by this
/// candidate's own clock: the times in the record are never compared with it, so that clocks may differ at will. Leading
/// ends a good while before others may take over: ``renewDeadline`` after the last renewal began.
package struct ElectionState: Sendable, Hashable {
    package enum Action: Sendable, Hashable {
        case create(ElectionRecord)
        case update(ElectionRecord)
        case wait
    }

    package struct Timing: Sendable, Hashable {
        /// How long others wait before they take over.
        package var leaseDuration: Duration
        /// How long a leader leads after its last renewal.
        package var renewDeadline: Duration
        /// Between two looks.
        package var retryInterval: Duration

        package init(
            leaseDuration: Duration = .seconds(30), renewDeadline: Duration = .seconds(15),
            retryInterval: Duration = .seconds(3)
        ) {
            self.leaseDuration = leaseDuration
            self.renewDeadline = renewDeadline
            self.retryInterval = retryInterval
        }
    }

    private let identity: String
    private let timing: Timing
    private var observed: ElectionRecord?
    private var observedAt: Duration = .zero
    private var renewedAt: Duration?

    package init(identity: String, timing: Timing) {
        self.identity = identity
        self.timing = timing
    }

    /// - Parameters:
    ///   - record: what the server has; nil: no Lease.
    ///   - now: since any fixed moment, by a clock that never goes back.
    ///   - wallTime: for the record, as `MicroTime`.
    package mutating func action(on record: ElectionRecord?, now: Duration, wallTime: String) -> Action {
        guard let record else {
            observed = nil
            return .create(taken(after: nil, wallTime))
        }
        if record != observed {
            observed = record
            observedAt = now
        }
        if record.holder == identity {
            var renewed = record
            renewed.durationSeconds = timing.leaseDuration.components.seconds
            renewed.renewTime = wallTime
            return .update(renewed)
        }
        // Lost to another, whatever this one believes.
        renewedAt = nil
        guard record.holder == nil || now - observedAt >= .seconds(record.durationSeconds) else { return .wait }
        return .update(taken(after: record, wallTime))
    }

    private func taken(after record: ElectionRecord?, _ wallTime: String) -> ElectionRecord {
        ElectionRecord(
            holder: identity, durationSeconds: timing.leaseDuration.components.seconds, renewTime: wallTime,
            acquireTime: wallTime, transitions: record.map { $0.transitions + 1 } ?? 0)
    }

    /// The server took what ``action(on:now:wallTime:)`` asked for.
    /// - Parameter start: when the request began.
    package mutating func took(_ record: ElectionRecord, start: Duration) {
        observed = record
        observedAt = start
        renewedAt = start
    }

    package func isLeading(at now: Duration) -> Bool {
        renewedAt.map { now - $0 < timing.renewDeadline } ?? false
    }

    /// What is written at the end, so that others need not wait; nil where this one does not lead.
    package func release(wallTime: String) -> ElectionRecord? {
        guard renewedAt != nil, var record = observed, record.holder == identity else { return nil }
        record.holder = nil
        record.durationSeconds = 1
        record.renewTime = wallTime
        return record
    }
}
