internal import Synchronization

/// Work that outlives the request which caused it: fills, revalidations, writing things down.
///
/// Belongs to the service that runs it. What is started is counted by its starters' own bounds (fills by the gate,
/// the rest by one per key), so the queue between them needs none.
final class BackgroundWork: Sendable {
    typealias Operation = @Sendable () async -> Void

    private let operations: AsyncStream<Operation>
    private let continuation: AsyncStream<Operation>.Continuation

    init() {
        (operations, continuation) = AsyncStream.makeStream()
    }

    /// Starts `operation`; returns false where the service has ended, so that nobody waits for it.
    @discardableResult
    func start(_ operation: @escaping Operation) -> Bool {
        switch continuation.yield(operation) {
        case .enqueued: true
        case .dropped, .terminated: false
        @unknown default: false
        }
    }

    /// Takes no more work.
    func close() { continuation.finish() }

    /// Performs what was started until ``close()``, then returns once all of it has ended. Cancelling the caller
    /// cancels the work.
    func run() async {
        await withDiscardingTaskGroup { group in
            for await operation in operations {
                group.addTask { await operation() }
            }
        }
    }
}
