/// Tasks that event loops and callers start, and the host owns: streams of peers, dials, identification.
///
/// Streams are bounded for each connection, connections and dials for the host, so the queue needs no bound of its own.
final class HostWork: Sendable {
    typealias Operation = @Sendable () async -> Void

    private let operations: AsyncStream<Operation>
    private let continuation: AsyncStream<Operation>.Continuation

    init() {
        (operations, continuation) = AsyncStream.makeStream()
    }

    /// Starts `operation`; false where the host has ended, or not begun and ended.
    @discardableResult
    func start(_ operation: @escaping Operation) -> Bool {
        switch continuation.yield(operation) {
        case .enqueued: true
        case .dropped, .terminated: false
        @unknown default: false
        }
    }

    func close() { continuation.finish() }

    /// Performs what is started until ``close()``; what runs then is cancelled.
    func run() async {
        await withDiscardingTaskGroup { group in
            for await operation in operations {
                group.addTask { await operation() }
            }
            group.cancelAll()
        }
    }
}
