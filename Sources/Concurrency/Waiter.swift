internal import Synchronization

/// One suspended caller, resumed once: by whoever has its answer, or by its own cancellation.
///
/// It is put into a table first and awaited afterwards, so there is no moment at which an answer could be missed.
package final class Waiter<Value: Sendable>: Sendable {
    private enum State {
        /// Nobody waits yet. Goes to any other state.
        case idle
        /// Goes to `resolved`.
        case waiting(CheckedContinuation<Value, any Error>)
        /// The end.
        case resolved(Result<Value, any Error>)
    }

    private let state = Mutex<State>(.idle)

    package init() {}

    /// Gives the answer. Returns false where the caller has one already, or has gone.
    @discardableResult
    package func resume(_ result: Result<Value, any Error>) -> Bool {
        let (isFirst, continuation) = state.withLock { state -> (Bool, CheckedContinuation<Value, any Error>?) in
            switch state {
            case .idle:
                state = .resolved(result)
                return (true, nil)
            case .waiting(let continuation):
                state = .resolved(result)
                return (true, continuation)
            case .resolved: return (false, nil)
            }
        }
        continuation?.resume(with: result)
        return isFirst
    }

    /// Suspends until the answer is there.
    /// - Throws: the answer's error, or `CancellationError` as soon as the task is cancelled.
    package func value(isolation: isolated (any Actor)? = #isolation) async throws -> Value {
        try await withTaskCancellationHandler {
            // Captured, or else an actor that waits would leave its executor to do so.
            _ = isolation
            return try await withCheckedThrowingContinuation { continuation in
                let result = state.withLock { state -> Result<Value, any Error>? in
                    switch state {
                    case .idle:
                        state = .waiting(continuation)
                        return nil
                    case .waiting: preconditionFailure("a waiter is awaited once")
                    case .resolved(let result): return result
                    }
                }
                if let result { continuation.resume(with: result) }
            }
        } onCancel: {
            resume(.failure(CancellationError()))
        }
    }
}
