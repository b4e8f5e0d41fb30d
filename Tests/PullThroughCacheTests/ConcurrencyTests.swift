import Concurrency
import Dispatch
import OCI
import Synchronization
import Testing

@testable import PullThroughCache

@Suite(.timeLimit(.minutes(1))) struct ConcurrencyTests {
    @Test
    func `a waiter takes the first answer, whether it comes before or after it waits`() async throws {
        let early = Waiter<Int>()
        #expect(early.resume(.success(1)))
        #expect(!early.resume(.success(2)))
        #expect(try await early.value() == 1)
        let late = Waiter<Int>()
        async let value = late.value()
        late.resume(.success(3))
        #expect(try await value == 3)
    }

    @Test
    func `a waiter that is cancelled takes no answer`() async {
        let waiter = Waiter<Int>()
        let task = Task { try await waiter.value() }
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        #expect(!waiter.resume(.success(1)))
    }

    @Test
    func `a waiter leaves an actor that waits where it runs`() async throws {
        let elsewhere = CountingExecutor()
        let waiter = Waiter<Int>()
        let actor = WaitingActor()
        let task = Task(executorPreference: elsewhere) {
            try await actor.jobs(of: elsewhere, whileWaitingFor: waiter)
        }
        while await !actor.isWaiting { await Task.yield() }
        waiter.resume(.success(5))
        // Being resumed takes one, whatever waits. To leave the actor for it would be one more.
        #expect(try await task.value <= 1)
    }

    @Test
    func `a gate lets in so many, the others in order, and refuses beyond its bound`() async throws {
        let gate = Gate(limit: 1, waitingLimit: 2)
        let release = Waiter<Void>()
        let entered = Waiter<Void>()
        let order = Recorder<Int>()
        let first = Task {
            try await gate.pass {
                entered.resume(.success(()))
                try await release.value()
            }
        }
        try await entered.value()
        var waiting: [Task<Void, any Error>] = []
        for number in 1...2 {
            waiting.append(Task { try await gate.pass { order.append(number) } })
            while gate.load.waiting < number { await Task.yield() }
        }
        await #expect(throws: CacheError.overloaded(retryAfter: .seconds(5))) { try await gate.pass {} }
        release.resume(.success(()))
        try await first.value
        for task in waiting { try await task.value }
        #expect(order.elements == [1, 2])
        #expect(gate.load == (0, 0))
    }

    @Test
    func `one who stops waiting at a gate leaves his turn to the next`() async throws {
        let gate = Gate(limit: 1, waitingLimit: 10)
        let release = Waiter<Void>()
        let entered = Waiter<Void>()
        let holder = Task {
            try await gate.pass {
                entered.resume(.success(()))
                try await release.value()
            }
        }
        try await entered.value()
        let leaver = Task { try await gate.pass {} }
        while gate.load.waiting < 1 { await Task.yield() }
        let stayer = Task { try await gate.pass { true } }
        while gate.load.waiting < 2 { await Task.yield() }
        leaver.cancel()
        await #expect(throws: CancellationError.self) { try await leaver.value }
        release.resume(.success(()))
        try await holder.value
        #expect(try await stayer.value)
        #expect(gate.load == (0, 0))
    }

    @Test
    func `fifty who ask at once share one operation and its outcome`() async throws {
        let work = BackgroundWork()
        let running = Task { await work.run() }
        let flight = SingleFlight<String, Int>(work: work)
        let runs = Recorder<Int>()
        let release = Waiter<Void>()
        let values = try await withThrowingTaskGroup(of: (Int, Bool).self) { group in
            for _ in 0..<50 {
                group.addTask {
                    let (value, isCollapsed) = try await flight.value(for: "key") {
                        try await release.value()
                        runs.append(1)
                        return 1
                    }
                    return (value, isCollapsed)
                }
            }
            group.addTask {
                release.resume(.success(()))
                return (1, true)
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(values.allSatisfy { $0.0 >= 1 })
        #expect(values.filter { !$0.1 }.count == runs.elements.count)
        work.close()
        await running.value
    }

    @Test
    func `an operation goes on when the one who asked first leaves`() async throws {
        let work = BackgroundWork()
        let running = Task { await work.run() }
        let flight = SingleFlight<String, Int>(work: work)
        let release = Waiter<Void>()
        let started = Waiter<Void>()
        let leaver = Task {
            try await flight.value(for: "key") {
                started.resume(.success(()))
                try await release.value()
                return 7
            }
        }
        try await started.value()
        let stayer = Task { try await flight.value(for: "key") { 8 } }
        leaver.cancel()
        await #expect(throws: CancellationError.self) { _ = try await leaver.value }
        release.resume(.success(()))
        #expect([7, 8].contains(try await stayer.value.value))
        work.close()
        await running.value
    }

    @Test
    func `nobody waits for work that has ended`() async throws {
        let work = BackgroundWork()
        work.close()
        await work.run()
        let flight = SingleFlight<String, Int>(work: work)
        await #expect(throws: CacheError.cancelled) { _ = try await flight.value(for: "key") { 1 } }
    }
}

/// Runs what comes on its own queue, which no other executor uses.
private actor WaitingActor {
    private let queue = SerialQueue()
    private(set) var isWaiting = false

    nonisolated var unownedExecutor: UnownedSerialExecutor { queue.asUnownedSerialExecutor() }

    func jobs(of executor: CountingExecutor, whileWaitingFor waiter: Waiter<Int>) async throws -> Int {
        let before = executor.jobs
        isWaiting = true
        _ = try await waiter.value()
        return executor.jobs - before
    }
}

private final class SerialQueue: SerialExecutor {
    private let queue = DispatchQueue(label: "waiting")

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        queue.async { job.runSynchronously(on: self.asUnownedSerialExecutor()) }
    }
}

/// Where a task runs that is on no actor.
private final class CountingExecutor: TaskExecutor {
    private let queue = DispatchQueue(label: "elsewhere")
    private let count = Atomic(0)

    var jobs: Int { count.load(ordering: .acquiring) }

    func enqueue(_ job: consuming ExecutorJob) {
        count.add(1, ordering: .acquiringAndReleasing)
        let job = UnownedJob(job)
        queue.async { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }
}
