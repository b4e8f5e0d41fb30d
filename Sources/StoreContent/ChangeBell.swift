internal import Synchronization

/// Tells whoever listens that the store's content has changed, and not what of it.
package final class ChangeBell: Sendable {
    private struct State {
        var listeners: [UInt64: @Sendable () -> Void] = [:]
        var last: UInt64 = 0
    }

    private let state = Mutex(State())

    package init() {}

    /// May be called from anywhere; never waits.
    package func ring() {
        for listener in state.withLock({ Array($0.listeners.values) }) { listener() }
    }

    /// Calls `listener` at each ring until the task is cancelled, and once at the beginning.
    package func listen(_ listener: @escaping @Sendable () -> Void) async {
        let number = state.withLock { state in
            state.last += 1
            state.listeners[state.last] = listener
            return state.last
        }
        listener()
        while !Task.isCancelled { try? await Task.sleep(for: .seconds(3600)) }
        state.withLock { $0.listeners[number] = nil }
    }
}
