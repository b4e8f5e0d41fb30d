internal import Concurrency
internal import Synchronization

/// Has one operation under way for each key; who asks meanwhile waits for the same outcome.
///
/// The operation belongs to the ``BackgroundWork`` and not to the caller that came first: one caller leaving ends its
/// own wait alone.
final class SingleFlight<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    private let work: BackgroundWork
    private let waiting = Mutex<[Key: [Waiter<Value>]]>([:])

    init(work: BackgroundWork) { self.work = work }

    /// The outcome of `operation`, or of the one for `key` that is already under way.
    /// - Returns: the value, and whether it was another's operation.
    func value(
        for key: Key, _ operation: @escaping @Sendable () async throws -> Value
    ) async throws -> (value: Value, isCollapsed: Bool) {
        let (outcome, isCollapsed) = await outcome(for: key, operation)
        return (try outcome.get(), isCollapsed)
    }

    /// The same, with a failure as a value: whose it was is told of that as well.
    func outcome(
        for key: Key, _ operation: @escaping @Sendable () async throws -> Value
    ) async -> (Result<Value, any Error>, isCollapsed: Bool) {
        let waiter = Waiter<Value>()
        let isFirst = join(key, waiter: waiter)
        if isFirst { launch(key, operation) }
        do { return (.success(try await waiter.value()), !isFirst) } catch { return (.failure(error), !isFirst) }
    }

    /// Starts `operation` unless one for `key` is under way; waits for nothing.
    func start(_ key: Key, _ operation: @escaping @Sendable () async throws -> Value) {
        let isFirst = waiting.withLock { waiting in
            guard waiting[key] == nil else { return false }
            waiting[key] = []
            return true
        }
        if isFirst { launch(key, operation) }
    }

    /// Callers that wait for any outcome; for tests.
    var waiterCount: Int { waiting.withLock { $0.values.reduce(0) { $0 + $1.count } } }

    private func join(_ key: Key, waiter: Waiter<Value>) -> Bool {
        waiting.withLock { waiting in
            let isFirst = waiting[key] == nil
            waiting[key, default: []].append(waiter)
            return isFirst
        }
    }

    private func launch(_ key: Key, _ operation: @escaping @Sendable () async throws -> Value) {
        let hasStarted = work.start {
            let result: Result<Value, any Error>
            do { result = .success(try await operation()) } catch { result = .failure(error) }
            self.finish(key, result)
        }
        if !hasStarted { finish(key, .failure(CacheError.cancelled)) }
    }

    private func finish(_ key: Key, _ result: Result<Value, any Error>) {
        let waiters = waiting.withLock { $0.removeValue(forKey: key) } ?? []
        for waiter in waiters { waiter.resume(result) }
    }
}
