internal import Synchronization

/// Writes to the catalogue in the order in which they were decided, behind the clients' backs.
///
/// A client need not wait for the disk; what it was told is in memory meanwhile. The queue is bounded by what
/// upstreams answer: nothing else causes a write.
final class CatalogueWriter: Sendable {
    typealias Write = @Sendable () async -> Void

    private let writes: AsyncStream<Write>
    private let continuation: AsyncStream<Write>.Continuation

    init() { (writes, continuation) = AsyncStream.makeStream() }

    func enqueue(_ write: @escaping Write) { continuation.yield(write) }

    /// Returns once everything enqueued before has been written, or cannot be any more.
    func flush() async {
        let waiter = Waiter<Void>()
        if case .enqueued = continuation.yield({ waiter.resume(.success(())) }) { try? await waiter.value() }
    }

    func close() { continuation.finish() }

    /// Writes until ``close()``, and then what is left. Not cancellable: what was decided is written.
    func run() async {
        for await write in writes { await write() }
    }
}
