internal import Concurrency
internal import Synchronization
internal import Timekeeping

/// Finds things out once for all who ask at the same time, remembers the outcome for a while, and lets each who asks
/// wait no longer than it may.
final class Outcomes<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    private let clock: any WallClock
    private let table: Mutex<OutcomeTable<Key, Value, Waiter<Value?>>>
    private let operation: @Sendable (Key) async -> (value: Value, keptFor: Duration)

    /// - Parameter operation: bounded in time by itself.
    init(
        limit: Int = 4096, flightLimit: Int = 64, clock: any WallClock,
        operation: @escaping @Sendable (Key) async -> (value: Value, keptFor: Duration)
    ) {
        self.clock = clock
        self.operation = operation
        table = Mutex(OutcomeTable(limit: limit, flightLimit: flightLimit))
    }

    /// What is known at this moment; asks nobody.
    func known(_ key: Key) -> Value? { table.withLock { $0.known(key, at: clock.now()) } }

    /// Nil where the outcome is not there by `deadline`, or too many others are being found out.
    func value(_ key: Key, until deadline: ContinuousClock.Instant) async -> Value? {
        let waiter = Waiter<Value?>()
        switch table.withLock({ $0.ask(key, as: waiter, at: clock.now()) }) {
        case .known(let value): return value
        case .full: return nil
        case .follower: break
        case .leader:
            // Not the caller's own task: others wait for it too, and what a caller does not wait for the next one
            // finds there. Bounded in number by the table and in time by the operation.
            Task { await self.find(key) }
        }
        return await withTaskGroup(of: Void.self) { group in
            group.addTask {
                try? await ContinuousClock().sleep(until: deadline)
                waiter.resume(.success(nil))
            }
            let value = try? await waiter.value()
            group.cancelAll()
            return value ?? nil
        }
    }

    private func find(_ key: Key) async {
        let (value, duration) = await operation(key)
        let waiters = table.withLock { $0.finish(key, value, keptFor: duration, at: clock.now()) }
        for waiter in waiters { waiter.resume(.success(value)) }
    }
}
