internal import Synchronization

/// The plan of one fill's transfers and the policy over it, shared by the transfers.
final class SegmentBoard: Sendable {
    private struct State {
        var plan: SegmentPlan
        var policy: SegmentationPolicy?
        var received: Int64 = 0
        var lastError: (any Error)?
    }

    private let minimumBytes: Int64
    private let state: Mutex<State>

    init(_ remainder: Range<Int64>, minimumBytes: Int64) {
        self.minimumBytes = minimumBytes
        state = Mutex(State(plan: SegmentPlan(remainder)))
    }

    /// Allows splitting from here on.
    func allowSplitting(_ policy: SegmentationPolicy, size: Int64) {
        state.withLock { state in
            state.plan.bound(to: size)
            state.policy = policy
        }
    }

    /// No connection is added any more.
    func stopSplitting() { state.withLock { $0.policy = nil } }

    var isComplete: Bool { state.withLock { $0.plan.isComplete } }

    /// Why a transfer was given up last.
    var lastError: (any Error)? { state.withLock { $0.lastError } }

    /// Whether further connections were seen to raise throughput.
    var hasGained: Bool { state.withLock { $0.policy?.hasGained ?? false } }

    /// A segment for a transfer that has none. Nil: the transfer is done.
    func take() -> SegmentPlan.Segment? {
        state.withLock { state in
            // Without a policy nothing is split, and only what was left behind is taken up.
            let minimum = state.policy == nil ? Int64.max / 2 : minimumBytes
            return state.plan.take(minimumBytes: minimum)
        }
    }

    /// The end of a segment, which moves down when another transfer takes its second half.
    func end(of segment: SegmentPlan.Segment) -> Int64 { state.withLock { $0.plan.end(of: segment.id) } }

    func advance(_ segment: SegmentPlan.Segment, to offset: Int64, received: Int) {
        state.withLock { state in
            state.plan.advance(segment.id, to: offset)
            state.received += Int64(received)
        }
    }

    func finish(_ segment: SegmentPlan.Segment) { state.withLock { $0.plan.finish(segment.id) } }

    func abandon(_ segment: SegmentPlan.Segment, because error: any Error) {
        state.withLock { state in
            state.plan.abandon(segment.id)
            state.lastError = error
        }
    }

    func decide(now: Duration) -> SegmentationPolicy.Decision {
        state.withLock { state in
            guard state.policy != nil else { return .wait }
            let missing = state.plan.missingBytes
            return state.policy?.decide(now: now, received: state.received, missing: missing) ?? .wait
        }
    }

    func added(_ count: Int) { state.withLock { $0.policy?.added(count) } }
}
