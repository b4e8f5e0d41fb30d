internal import Metrics
internal import NIOCore
internal import NIOPosix
internal import OCI
internal import Synchronization

/// Holds the bodies of one rule's blobs to a number of bytes each second.
///
/// Who reads a body waits here before each slice. Nothing is gathered meanwhile: the connection is read no further than
/// its bound, so that the upstream's TCP is what slows down.
final class BandwidthGovernor: Sendable {
    private typealias Waiter = CheckedContinuation<Void, any Error>

    private struct State: Sendable {
        var share: BandwidthShare<Digest, Waiter>
        var lastID: UInt64 = 0
        /// Cancelled before they came to wait.
        var gone: Set<UInt64> = []
        var hasTimer = false
    }

    /// What is taken at a time: what comes in a fiftieth of a second, within reason.
    let sliceBytes: Int
    private let state: Mutex<State>
    private let waits: Timer
    private let begin = ContinuousClock.now

    init(bytesPerSecond: Int64, waits: Timer) {
        let perSecond = Double(max(1, bytesPerSecond))
        sliceBytes = Int(min(max(perSecond / 50, 4096), 262_144))
        // Timers come a little late: what is missed then is made up for.
        let bucket = TokenBucket(
            perSecond: perSecond, burst: max(perSecond / 10, Double(2 * sliceBytes)), now: .zero)
        state = Mutex(State(share: BandwidthShare(bucket: bucket)))
        self.waits = waits
    }

    /// Waits until `bytes` more of `blob` may be received.
    func admit(_ bytes: Int, of blob: Digest) async throws {
        let id = state.withLock { state in
            state.lastID += 1
            return state.lastID
        }
        let begin = ContinuousClock.now
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { (waiter: Waiter) in
                let isGone = state.withLock { state in
                    if state.gone.remove(id) != nil { return true }
                    state.share.enter(waiter, id: id, bytes: bytes, flow: blob)
                    return false
                }
                if isGone { waiter.resume(throwing: CancellationError()) } else { admitNext() }
            }
        } onCancel: {
            let waiter = state.withLock { state in
                let waiter = state.share.leave(id: id, flow: blob)
                if waiter == nil { state.gone.insert(id) }
                return waiter
            }
            waiter?.resume(throwing: CancellationError())
        }
        // One that was cancelled after its turn had come.
        state.withLock { _ = $0.gone.remove(id) }
        let time = ContinuousClock.now - begin
        if time > .milliseconds(1) { waits.record(duration: time) }
    }

    private func admitNext() {
        let (admitted, delay) = state.withLock { state -> ([Waiter], Duration?) in
            let (admitted, next) = state.share.admit(now: ContinuousClock.now - begin)
            guard let next, !state.hasTimer else { return (admitted, nil) }
            state.hasTimer = true
            return (admitted, next)
        }
        if let delay {
            MultiThreadedEventLoopGroup.singleton.any().scheduleTask(in: TimeAmount(delay)) {
                self.state.withLock { $0.hasTimer = false }
                self.admitNext()
            }
        }
        for waiter in admitted { waiter.resume() }
    }
}
