package import NIOCore
internal import Synchronization

/// Every open connection: bounds their number, and ends them at shutdown.
package final class ConnectionTable: Sendable {
    private struct State {
        var channels: [ObjectIdentifier: any Channel] = [:]
        /// Fulfilled once the last connection is gone.
        var whenEmpty: [EventLoopPromise<Void>] = []
    }

    private let limit: Int
    private let counted: @Sendable (Int) -> Void
    private let state = Mutex(State())
    private let draining = Atomic(false)

    /// - Parameter counted: told how many there are, whenever that changes.
    package init(limit: Int, counted: @escaping @Sendable (Int) -> Void) {
        self.limit = limit
        self.counted = counted
    }

    /// Whether the server is shutting down: answers say `Connection: close` from then on.
    package var isDraining: Bool { draining.load(ordering: .relaxed) }

    /// Whether there is room for `channel`; it leaves by itself when it closes.
    package func enter(_ channel: any Channel) -> Bool {
        let count: Int? = state.withLock { state in
            guard state.channels.count < limit else { return nil }
            state.channels[ObjectIdentifier(channel)] = channel
            return state.channels.count
        }
        guard let count else { return false }
        counted(count)
        channel.closeFuture.whenComplete { _ in self.leave(channel) }
        return true
    }

    private func leave(_ channel: any Channel) {
        let (count, promises) = state.withLock { state in
            state.channels.removeValue(forKey: ObjectIdentifier(channel))
            guard state.channels.isEmpty else { return (state.channels.count, [EventLoopPromise<Void>]()) }
            defer { state.whenEmpty = [] }
            return (0, state.whenEmpty)
        }
        counted(count)
        for promise in promises { promise.succeed() }
    }

    /// Asks every connection to end after the answer it is giving, and closes those that are left after `timeout`.
    package func drain(timeout: Duration, on eventLoop: any EventLoop) async {
        draining.store(true, ordering: .relaxed)
        for channel in channels {
            channel.eventLoop.execute {
                channel.pipeline.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent())
            }
        }
        let deadline = eventLoop.scheduleTask(in: TimeAmount(timeout)) { self.closeAll() }
        try? await empty(on: eventLoop).get()
        deadline.cancel()
    }

    package func closeAll() {
        for channel in channels { channel.close(mode: .all, promise: nil) }
    }

    private var channels: [any Channel] { state.withLock { Array($0.channels.values) } }

    private func empty(on eventLoop: any EventLoop) -> EventLoopFuture<Void> {
        let promise = eventLoop.makePromise(of: Void.self)
        let isEmpty = state.withLock { state in
            guard state.channels.isEmpty else {
                state.whenEmpty.append(promise)
                return false
            }
            return true
        }
        if isEmpty { promise.succeed() }
        return promise.futureResult
    }
}
