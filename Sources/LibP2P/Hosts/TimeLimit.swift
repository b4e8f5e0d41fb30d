/// Performs `operation`, and cancels it where it takes longer than `limit`.
/// - Throws: what the operation throws, or ``StreamError/timedOut``.
package func withTimeLimit<Value: Sendable>(
    _ limit: Duration, clock: any Clock<Duration> = ContinuousClock(),
    _ operation: @escaping @Sendable () async throws -> Value
) async throws -> Value {
    try await withThrowingTaskGroup(of: Value.self) { group in
        group.addTask { try await operation() }
        group.addTask {
            try await clock.sleep(for: limit)
            throw StreamError.timedOut
        }
        defer { group.cancelAll() }
        guard let value = try await group.next() else { throw StreamError.timedOut }
        return value
    }
}
