package import NIOCore
internal import NIOPosix
internal import Synchronization

/// State that can be waited on: tests await a condition rather than sleep.
package final class Watched<State: Sendable>: Sendable {
    private struct Waiter {
        let isMet: @Sendable (State) -> Bool
        let continuation: CheckedContinuation<Void, any Error>
    }

    private struct Guarded {
        var state: State
        var waiters: [UInt64: Waiter] = [:]
        var lastID: UInt64 = 0
    }

    private let guarded: Mutex<Guarded>

    package init(_ state: State) { guarded = Mutex(Guarded(state: state)) }

    /// A copy of the state as it is now.
    package var value: State { guarded.withLock { $0.state } }

    /// Reads without copying the whole state.
    package func read<Result: Sendable>(_ body: (borrowing State) -> Result) -> Result {
        guarded.withLock { body($0.state) }
    }

    /// Changes the state, and wakes those whose condition it now meets.
    @discardableResult
    package func update<Result: Sendable>(_ change: (inout State) -> Result) -> Result {
        let (result, met) = guarded.withLock { guarded in
            let result = change(&guarded.state)
            let met = guarded.waiters.filter { $0.value.isMet(guarded.state) }
            for id in met.keys { guarded.waiters[id] = nil }
            return (result, met.values.map(\.continuation))
        }
        for continuation in met { continuation.resume() }
        return result
    }

    /// Returns as soon as the state meets the condition.
    /// - Throws: ``WaitTimedOut`` after `timeout`, or `CancellationError`.
    package func wait(
        for what: String, timeout: TimeAmount = .seconds(30), until isMet: @escaping @Sendable (State) -> Bool
    ) async throws {
        let id = guarded.withLock { guarded in
            guarded.lastID += 1
            return guarded.lastID
        }
        let timer = MultiThreadedEventLoopGroup.singleton.any().scheduleTask(in: timeout) {
            self.give(up: id, WaitTimedOut(what: what))
        }
        defer { timer.cancel() }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
                let outcome: Result<Void, any Error>? = guarded.withLock { guarded in
                    if isMet(guarded.state) { return .success(()) }
                    if Task.isCancelled { return .failure(CancellationError()) }
                    guarded.waiters[id] = Waiter(isMet: isMet, continuation: continuation)
                    return nil
                }
                if let outcome { continuation.resume(with: outcome) }
            }
        } onCancel: {
            give(up: id, CancellationError())
        }
    }

    private func give(up id: UInt64, _ error: any Error) {
        guarded.withLock { $0.waiters.removeValue(forKey: id) }?.continuation.resume(throwing: error)
    }
}

/// A condition that was never met.
package struct WaitTimedOut: Error, CustomStringConvertible {
    package let what: String
    package var description: String { "waited in vain for \(what)" }
}

/// A gate that requests wait at until a test opens it.
package final class Gate: Sendable {
    private struct State {
        var isOpen = false
        var permits = 0
        var arrivals = 0
    }

    private let state = Watched(State())

    package init() {}

    /// Lets everyone through, now and later.
    package func open() { state.update { $0.isOpen = true } }

    /// Lets `count` waiters through, now or when they come.
    package func admit(_ count: Int) { state.update { $0.permits += count } }

    /// Returns once `count` have arrived at the gate, whether they were let through or not.
    package func waitForArrivals(_ count: Int) async throws {
        try await state.wait(for: "\(count) arrivals at a gate") { $0.arrivals >= count }
    }

    /// Waits for a permit, or for the gate to be open.
    package func pass() async throws {
        state.update { $0.arrivals += 1 }
        while true {
            try await state.wait(for: "a gate to open", timeout: .minutes(2)) { $0.isOpen || $0.permits > 0 }
            let isThrough = state.update { state in
                if state.isOpen { return true }
                guard state.permits > 0 else { return false }
                state.permits -= 1
                return true
            }
            if isThrough { return }
        }
    }
}
