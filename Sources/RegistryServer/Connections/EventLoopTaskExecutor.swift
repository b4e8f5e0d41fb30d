internal import NIOCore

/// Keeps a task on an event loop where it is on no actor.
///
/// What a task waits for resumes it there before it goes back to its actor, and without a preference that is a thread
/// of the process's common pool: each wait would cost two changes of threads.
final class EventLoopTaskExecutor: TaskExecutor {
    private let eventLoop: any EventLoop

    init(_ eventLoop: any EventLoop) { self.eventLoop = eventLoop }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        eventLoop.execute { [self] in job.runSynchronously(on: asUnownedTaskExecutor()) }
    }
}
