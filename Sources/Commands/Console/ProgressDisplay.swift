internal import PullThroughCache
internal import Synchronization

/// Shows how far a check is, ten times a second at the most.
final class ProgressDisplay: Sendable {
    private let progress: Progress
    private let shownAt = Mutex<ContinuousClock.Instant?>(nil)

    init(progress: Progress) { self.progress = progress }

    func update(_ state: CheckProgress) {
        let now = ContinuousClock.now
        let isDue = shownAt.withLock { shown in
            if let shown, now - shown < .milliseconds(100) { return false }
            shown = now
            return true
        }
        guard isDue else { return }
        let total = state.total.map { " of \($0)" } ?? ""
        progress.show("Checking \(state.phase.rawValue): \(state.completed)\(total)")
    }
}
