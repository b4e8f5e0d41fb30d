internal import Concurrency
internal import DequeModule
internal import Synchronization

/// Lets a bounded number through at a time; the others wait in the order in which they came, up to a bound.
final class Gate: Sendable {
    private struct State {
        var passing = 0
        var waiting: Deque<Waiter<Void>> = []
    }

    private let limit: Int
    private let waitingLimit: Int
    private let state = Mutex(State())

    init(limit: Int, waitingLimit: Int) {
        precondition(limit > 0)
        self.limit = limit
        self.waitingLimit = waitingLimit
    }

    /// How many are through, and how many wait.
    var load: (passing: Int, waiting: Int) { state.withLock { ($0.passing, $0.waiting.count) } }

    /// Performs `operation` when its turn has come.
    /// - Throws: ``CacheError/overloaded(retryAfter:)`` where too many wait already.
    func pass<Value>(_ operation: () async throws -> Value) async throws -> Value {
        try await enter()
        defer { leave() }
        return try await operation()
    }

    /// Enters if there is a turn that nobody waits for; ``leave()`` ends it.
    func tryEnter() -> Bool {
        state.withLock { state in
            guard state.passing < limit, state.waiting.isEmpty else { return false }
            state.passing += 1
            return true
        }
    }

    /// Enters when its turn has come; returns false where too many wait already, or the task is cancelled.
    func enterInOrder() async -> Bool {
        do {
            try await enter()
            return true
        } catch {
            return false
        }
    }

    private func enter() async throws {
        let waiter = try state.withLock { state -> Waiter<Void>? in
            if state.passing < limit {
                state.passing += 1
                return nil
            }
            guard state.waiting.count < waitingLimit else {
                throw CacheError.overloaded(retryAfter: .seconds(5))
            }
            let waiter = Waiter<Void>()
            state.waiting.append(waiter)
            return waiter
        }
        guard let waiter else { return }
        do {
            try await waiter.value()
        } catch {
            state.withLock { $0.waiting.removeAll { $0 === waiter } }
            throw error
        }
    }

    /// Hands the turn to the first who still waits.
    func leave() {
        while true {
            let next = state.withLock { state -> Waiter<Void>? in
                if let next = state.waiting.popFirst() { return next }
                state.passing -= 1
                return nil
            }
            guard let next else { return }
            if next.resume(.success(())) { return }
        }
    }
}
