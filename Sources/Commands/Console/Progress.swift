#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// Shows on standard error that long work goes on, where that is a terminal.
struct Progress: Sendable {
    private let isShown = isatty(STDERR_FILENO) == 1

    /// Replaces what was shown before.
    func show(_ text: String) {
        if isShown { writeFully("\r\u{1B}[K\(text)", to: STDERR_FILENO) }
    }

    func clear() {
        if isShown { writeFully("\r\u{1B}[K", to: STDERR_FILENO) }
    }

    /// Does `work`, and counts the seconds that it takes where someone can see it.
    func during<Result: Sendable>(
        _ label: String, _ work: @escaping @Sendable () async throws -> Result
    ) async throws -> Result {
        guard isShown else { return try await work() }
        return try await withThrowingTaskGroup(of: Result?.self) { group in
            group.addTask { try await work() }
            group.addTask {
                let start = ContinuousClock.now
                while true {
                    do { try await Task.sleep(for: .seconds(1)) } catch { return nil }
                    show("\(label) (\(TimeText.rough(ContinuousClock.now - start)))")
                }
            }
            defer { clear() }
            var result: Result?
            while result == nil, let next = try await group.next() { result = next }
            group.cancelAll()
            guard let result else { throw CancellationError() }
            return result
        }
    }
}
