internal import BlobStore
internal import NIOPosix

/// The threads on which the store waits for disks, so that neither event loops nor the cooperative pool do.
struct BlockingPool: Sendable {
    private let threads: NIOThreadPool

    init(threadCount: Int) {
        threads = NIOThreadPool(numberOfThreads: threadCount)
        threads.start()
    }

    /// Runs `work` on one of the threads and waits for it.
    ///
    /// Cancellation is not looked at: a call to the system that has begun has to end anyway, and its outcome counts.
    /// After ``shutDown()`` readers still live; theirs runs on the process's common pool.
    func run<Value: Sendable>(
        _ work: @escaping @Sendable () throws(BlobStoreError) -> Value
    ) async throws(BlobStoreError) -> Value {
        let result: Result<Value, BlobStoreError> = await withUnsafeContinuation { continuation in
            let job = { @Sendable in continuation.resume(returning: Result(catching: work)) }
            threads.submit { state in
                switch state {
                case .active: job()
                case .cancelled: NIOThreadPool.singleton.submit { _ in job() }
                }
            }
        }
        return try result.get()
    }

    /// Runs `work` on one of the threads some time; before ``shutDown()`` returns at the latest, and at once after it.
    func later(_ work: @escaping @Sendable () -> Void) { threads.submit { _ in work() } }

    func shutDown() async {
        // Fails only where the pool never ran.
        try? await threads.shutdownGracefully()
    }
}
