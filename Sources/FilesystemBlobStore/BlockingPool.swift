internal import BlobStore
internal import CFileAllocation
internal import NIOPosix

/// The threads on which the store waits for disks, so that neither event loops nor the cooperative pool do.
///
/// A task may prefer to run on them as a whole: what it asks of the pool then costs no change of threads.
final class BlockingPool: TaskExecutor {
    private let threads: NIOThreadPool

    init(threadCount: Int) {
        threads = NIOThreadPool(numberOfThreads: threadCount)
        threads.start()
    }

    /// Runs `work` on one of the threads and waits for it; on the calling thread where that is one of them.
    ///
    /// Cancellation is not looked at: a call to the system that has begun has to end anyway, and its outcome counts.
    /// After ``shutDown()`` readers still live; theirs runs on the process's common pool.
    func run<Value: Sendable>(
        _ work: @escaping @Sendable () throws(BlobStoreError) -> Value
    ) async throws(BlobStoreError) -> Value {
        if isCurrent { return try work() }
        let result: Result<Value, BlobStoreError> = await withUnsafeContinuation { continuation in
            submit { continuation.resume(returning: Result(catching: work)) }
        }
        return try result.get()
    }

    /// Runs `work` on one of the threads some time; before ``shutDown()`` returns at the latest, and at once after it.
    func later(_ work: @escaping @Sendable () -> Void) {
        threads.submit { [self] state in
            if case .active = state { enter() }
            work()
        }
    }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        submit { [self] in job.runSynchronously(on: asUnownedTaskExecutor()) }
    }

    func shutDown() async {
        // Fails only where the pool never ran.
        try? await threads.shutdownGracefully()
    }

    private func submit(_ work: @escaping @Sendable () -> Void) {
        threads.submit { [self] state in
            switch state {
            case .active:
                enter()
                work()
            case .cancelled: NIOThreadPool.singleton.submit { _ in work() }
            }
        }
    }

    // A thread of the pool lives no longer than the pool's threads are running, which tells it from any later pool that
    // should come to have the same address.
    private func enter() { weir_enter_pool(identity) }

    private var isCurrent: Bool { weir_current_pool() == identity }

    private var identity: UnsafeRawPointer { UnsafeRawPointer(Unmanaged.passUnretained(self).toOpaque()) }
}
