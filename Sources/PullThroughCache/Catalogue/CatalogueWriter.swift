internal import Concurrency
internal import Synchronization

/// Writes to the catalogue in the order in which they were decided, behind the clients' backs.
///
/// A client need not wait for the disk; what it was told is in memory meanwhile. Where the disk falls behind so far that
/// the queue is full, further writes are dropped: what they would have said is asked of the upstream again.
final class CatalogueWriter: Sendable {
    typealias Write = @Sendable () async -> Void

    private let writes: AsyncStream<Write>
    private let continuation: AsyncStream<Write>.Continuation
    /// Memory that what is enqueued holds.
    private let pendingBytes = Atomic(0)
    private static let limitBytes = 64 << 20

    init() { (writes, continuation) = AsyncStream.makeStream() }

    /// - Parameter cost: bytes that `write` holds, roughly.
    /// - Returns: false where it was dropped.
    @discardableResult
    func enqueue(cost: Int = 512, _ write: @escaping Write) -> Bool {
        guard pendingBytes.load(ordering: .relaxed) + cost <= Self.limitBytes else { return false }
        pendingBytes.add(cost, ordering: .relaxed)
        continuation.yield {
            await write()
            self.pendingBytes.subtract(cost, ordering: .relaxed)
        }
        return true
    }

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
