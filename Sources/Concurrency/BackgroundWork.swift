/// Work that outlives the request which caused it: fills, revalidations, writing things down, a peer's streams.
///
/// Belongs to the service that runs it. What is started is counted by its starters' own bounds (fills by the gate, streams
/// by the connection, the rest by one per key), so the queue between them needs none.
package final class BackgroundWork: Sendable {
    package typealias Operation = @Sendable () async -> Void

    private let operations: AsyncStream<Operation>
    private let continuation: AsyncStream<Operation>.Continuation

    package init() {
        (operations, continuation) = AsyncStream.makeStream()
    }

    /// Starts `operation`; returns false where the service has ended, so that nobody waits for it.
    @discardableResult
    package func start(_ operation: @escaping Operation) -> Bool {
        switch continuation.yield(operation) {
        case .enqueued: true
        case .dropped, .terminated: false
        @unknown default: false
        }
    }

    /// Takes no more work.
    package func close() { continuation.finish() }

    /// Performs what was started until ``close()``, then returns once all of it has ended. Cancelling the caller
    /// cancels the work.
    /// - Parameter cancelsAtClose: whether what still runs at ``close()`` is cancelled rather than waited for.
    package func run(cancelsAtClose: Bool = false) async {
        await withDiscardingTaskGroup { group in
            for await operation in operations {
                group.addTask { await operation() }
            }
            if cancelsAtClose { group.cancelAll() }
        }
    }
}
