internal import AsyncHTTPClient
internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix
internal import Synchronization

/// One request and its answer on a connection.
///
/// The reader pulls: the connection is read ahead within the bound of ``ExchangeState``. Limits of time run only while someone
/// waits, so that a slow reader is never taken for a stalled upstream; the HTTP client's own read timeout makes no such
/// difference. Cancelling the waiting task and ``cancel()`` close the connection unless the answer was complete.
final class Exchange: HTTPClientResponseDelegate, Sendable {
    typealias Response = Void
    private typealias HeadWaiter = CheckedContinuation<HTTPResponseHead, any Error>
    private typealias PieceWaiter = CheckedContinuation<ByteBuffer?, any Error>

    /// Nothing came for longer than the limit.
    struct TimedOut: Error {}

    private struct State {
        var table = ExchangeState<HeadWaiter, PieceWaiter, EventLoopPromise<Void>>()
        var task: HTTPClient.Task<Void>?
        var isRequestSent = false
        /// When whoever waits now gives up; nil while nobody waits.
        var deadline: NIODeadline?
        /// When the next timer fires; nil: none is set. One that fires too early is set anew, which is cheaper than one
        /// for each piece.
        var timerDue: NIODeadline?
        var timer: Scheduled<Void>?
        var onEnd: (@Sendable () -> Void)?
    }

    private let answerTimeout: TimeAmount
    private let stallTimeout: TimeAmount
    private let state: Mutex<State>

    /// - Parameters:
    ///   - answerTimeout: from having sent the request to its answer's head; connecting has a limit of its own.
    ///   - stallTimeout: between two pieces of the body.
    ///   - onEnd: called once, when the answer is complete or has failed.
    init(answerTimeout: Duration, stallTimeout: Duration, onEnd: @escaping @Sendable () -> Void) {
        self.answerTimeout = TimeAmount(answerTimeout)
        self.stallTimeout = TimeAmount(stallTimeout)
        state = Mutex(State(onEnd: onEnd))
    }

    func start(_ request: HTTPClient.Request, with client: HTTPClient) {
        let task = client.execute(request: request, delegate: self)
        let isOver = state.withLock { state in
            state.task = state.table.isOver ? nil : task
            return state.table.isOver
        }
        if isOver { task.cancel() }
        // Tells also what fails before there is a connection, of which a delegate hears nothing.
        task.futureResult.whenFailure { self.fail($0) }
    }

    /// Waits for the answer's head. Called once.
    func head() async throws -> HTTPResponseHead {
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { (continuation: HeadWaiter) in
                switch state.withLock({ $0.table.takeHead(continuation) }) {
                case .head(let head): continuation.resume(returning: head)
                case .failed(let error): continuation.resume(throwing: error)
                case .wait: break  // The clock runs from `didSendRequest`.
                }
            }
        } onCancel: {
            cancel()
        }
    }

    /// The next piece of the body; nil at its end. One caller at a time.
    func next() async throws -> ByteBuffer? {
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { (continuation: PieceWaiter) in
                let (outcome, needsTimer) = state.withLock { state in
                    let outcome = state.table.takePiece(continuation)
                    guard case .wait = outcome else { return (outcome, false) }
                    return (outcome, Self.startClock(stallTimeout, &state))
                }
                if needsTimer { setTimer(in: stallTimeout) }
                switch outcome {
                case .piece(let bytes, let release):
                    release?.succeed()
                    continuation.resume(returning: bytes)
                case .end: continuation.resume(returning: nil)
                case .failed(let error): continuation.resume(throwing: error)
                case .wait(let release): release?.succeed()
                }
            }
        } onCancel: {
            cancel()
        }
    }

    func cancel() { fail(CancellationError()) }

    /// Ends it as having taken too long in all.
    func expire() { fail(TimedOut()) }

    // MARK: HTTPClientResponseDelegate

    func didSendRequest(task: HTTPClient.Task<Void>) {
        let needsTimer = state.withLock { state in
            guard !state.isRequestSent, !state.table.isOver else { return false }
            state.isRequestSent = true
            return Self.startClock(answerTimeout, &state)
        }
        if needsTimer { setTimer(in: answerTimeout) }
    }

    func didReceiveHead(task: HTTPClient.Task<Void>, _ head: HTTPResponseHead) -> EventLoopFuture<Void> {
        let promise = task.eventLoop.makePromise(of: Void.self)
        let (waiter, drop) = state.withLock { state in
            state.deadline = nil
            return state.table.receive(head, hold: promise)
        }
        drop?.fail(CancellationError())
        waiter?.resume(returning: head)
        return promise.futureResult
    }

    func didReceiveBodyPart(task: HTTPClient.Task<Void>, _ buffer: ByteBuffer) -> EventLoopFuture<Void> {
        let promise = task.eventLoop.makePromise(of: Void.self)
        let (waiter, release, drop) = state.withLock { state in
            state.deadline = nil
            return state.table.receive(buffer, hold: promise)
        }
        drop?.fail(CancellationError())
        release?.succeed()
        waiter?.resume(returning: buffer)
        return promise.futureResult
    }

    func didFinishRequest(task: HTTPClient.Task<Void>) throws {
        let (waiter, close) = state.withLock { state in
            let waiter = state.table.receiveEnd()
            return (waiter, Self.close(&state))
        }
        waiter?.resume(returning: nil)
        close()
    }

    func didReceiveError(task: HTTPClient.Task<Void>, _ error: any Error) { fail(error) }

    // MARK: Ends

    private func fail(_ error: any Error) {
        let (told, task, close) = state.withLock { state in
            let told = state.table.fail(error)
            let task = told.isNews ? state.task : nil
            return (told, task, told.isNews ? Self.close(&state) : {})
        }
        task?.fail(reason: error)
        told.drop?.fail(error)
        told.head?.resume(throwing: error)
        told.piece?.resume(throwing: error)
        close()
    }

    /// - Returns: what is left to do outside of the lock.
    private static func close(_ state: inout State) -> @Sendable () -> Void {
        let (onEnd, timer) = (state.onEnd, state.timer)
        state.task = nil
        state.deadline = nil
        state.onEnd = nil
        state.timer = nil
        return {
            timer?.cancel()
            onEnd?()
        }
    }

    // MARK: Time

    /// - Returns: whether a timer is to be set.
    private static func startClock(_ limit: TimeAmount, _ state: inout State) -> Bool {
        let deadline = NIODeadline.now() + limit
        state.deadline = deadline
        if let due = state.timerDue, due <= deadline { return false }
        state.timerDue = deadline
        return true
    }

    private func setTimer(in delay: TimeAmount) {
        let timer = MultiThreadedEventLoopGroup.singleton.any().scheduleTask(in: delay) { [weak self] () -> Void in
            self?.timerFired()
        }
        let unneeded: Scheduled<Void>? = state.withLock { state in
            guard !state.table.isOver else { return timer }
            defer { state.timer = timer }
            return state.timer
        }
        unneeded?.cancel()
    }

    private func timerFired() {
        let rest: TimeAmount? = state.withLock { state in
            let now = NIODeadline.now()
            if let due = state.timerDue, due > now { return nil }  // Another was set in its place.
            state.timerDue = nil
            guard let deadline = state.deadline, !state.table.isOver else { return nil }
            if deadline > now { state.timerDue = deadline }
            return deadline - now
        }
        guard let rest else { return }
        if rest > .zero { setTimer(in: rest) } else { fail(TimedOut()) }
    }
}
