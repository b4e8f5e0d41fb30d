package import NIOCore
internal import Synchronization

/// One stream to a peer, for one task that reads and one that writes.
///
/// Back-pressure: ``write(_:)`` returns when the peer's window and TCP have taken everything, and what is not read
/// holds back the peer at 256 KiB. Its owner ends it by ``release()``; a stream that is forgotten is released as well.
package final class PeerStream: Sendable {
    package let peer: PeerID
    package let protocolID: String
    private let id: UInt32
    private let handler: NIOLoopBound<ConnectionHandler>

    init(id: UInt32, peer: PeerID, protocolID: String, handler: NIOLoopBound<ConnectionHandler>) {
        self.id = id
        self.peer = peer
        self.protocolID = protocolID
        self.handler = handler
    }

    deinit { Self.release(id, handler) }

    private var eventLoop: any EventLoop { handler.eventLoop }

    /// The next bytes, at least one; nil at the end.
    /// - Throws: ``StreamError``, or `CancellationError` as soon as the task is cancelled.
    package func read() async throws -> ByteBuffer? {
        try await waiting { handler, id, promise in handler.read(id, promise) }
    }

    /// Sends all of `bytes`. Where the task is cancelled before that, the stream is reset.
    package func write(_ bytes: ByteBuffer) async throws {
        guard bytes.readableBytes > 0 else { return }
        try await waiting { handler, id, promise in
            handler.write(bytes, on: id, promise)
        } whenCancelledBefore: { handler, id in
            handler.reset(id, code: 0)
        }
    }

    /// Says that nothing more will be sent.
    package func closeWrite() {
        let (id, handler) = (id, handler)
        eventLoop.execute { handler.value.closeWrite(id) }
    }

    /// Ends both directions at once.
    package func reset(code: UInt32 = 0) {
        let (id, handler) = (id, handler)
        eventLoop.execute { handler.value.reset(id, code: code) }
    }

    /// Lets go of the stream. It is reset unless it was closed for writing.
    package func release() { Self.release(id, handler) }

    private static func release(_ id: UInt32, _ handler: NIOLoopBound<ConnectionHandler>) {
        handler.eventLoop.execute { handler.value.release(id) }
    }

    private func waiting<Value: Sendable>(
        _ start: @escaping @Sendable (ConnectionHandler, UInt32, EventLoopPromise<Value>) -> Void,
        whenCancelledBefore abandon: @escaping @Sendable (ConnectionHandler, UInt32) -> Void = { _, _ in }
    ) async throws -> Value {
        let (id, handler) = (id, handler)
        let flag = CancellationFlag()
        let promise = eventLoop.makePromise(of: Value.self)
        return try await withTaskCancellationHandler {
            eventLoop.execute {
                // Had the cancellation come before, nobody would be there to be told of it.
                guard !flag.isSet else {
                    abandon(handler.value, id)
                    promise.fail(CancellationError())
                    return
                }
                start(handler.value, id, promise)
            }
            return try await promise.futureResult.get()
        } onCancel: {
            flag.set()
            handler.eventLoop.execute { handler.value.cancelWaiting(id) }
        }
    }
}

private final class CancellationFlag: Sendable {
    private let value = Atomic<Bool>(false)

    var isSet: Bool { value.load(ordering: .acquiring) }

    func set() { value.store(true, ordering: .releasing) }
}
