internal import Logging
internal import NIOCore
internal import OCI
internal import PeerRegistry
internal import PullThroughCache

/// What a ``BodyTransfer`` asks of its connection.
extension ConnectionHandler {
    func startTransfer(of content: any BlobContent, range: Range<Int64>) {
        guard let context, let id = exchange?.id else { return }
        let transfer = BodyTransfer(
            handler: NIOLoopBound(self, eventLoop: context.eventLoop), eventLoop: context.eventLoop, exchange: id,
            usesSendfile: transport == .http1)
        exchange?.task = transfer.start(content, range: range)
    }

    /// Whether `id` is still wanted. The head goes out with the first bytes.
    func beginBody(exchange id: UInt64) -> Bool {
        guard let exchange, exchange.id == id, let answer = exchange.answer else { return false }
        writeHead(of: answer)
        return true
    }

    /// Nil where nobody takes it any longer. Completes when the kernel, or the stream's flow control, has taken it.
    func writeBody(_ data: IOData, exchange id: UInt64) -> EventLoopFuture<Void>? {
        guard let context, exchange?.id == id else { return nil }
        let promise = context.eventLoop.makePromise(of: Void.self)
        writePiece(data, promise: promise)
        noteProgress()
        armTimer()
        return promise.futureResult
    }

    func endBody(exchange id: UInt64) {
        guard exchange?.id == id else { return }
        exchange?.task = nil
        finish()
        advance()
    }

    /// Tells the client what went wrong where it still can be told. A body that has begun is broken off, so that no
    /// client takes it for whole: the connection closes without the bytes that were announced, or without the last
    /// chunk; a stream is reset.
    func failBody(_ error: any Error, exchange id: UInt64) {
        guard let exchange, exchange.id == id, let context else { return }
        exchange.task = nil
        environment.logger.debug(
            "a transfer was broken off",
            metadata: ["error": "\(error)", "client": "\(exchange.pending.request.client.address)"])
        guard exchange.isHeadWritten || error is CancellationError else {
            answer(error)
            return
        }
        record(exchange, isComplete: false)
        self.exchange = nil
        context.close(mode: .all, promise: nil)
    }

    private func answer(_ error: any Error) {
        var answer =
            if let error = error as? CacheError {
                Answer(error, kind: .blob, rule: nil)
            } else if error is PeerBlobError {
                Answer(status: 404, RegistryError(.blobUnknown, "no peer has it"))
            } else {
                Answer(status: 500, RegistryError(.unknown, "the blob cannot be read"))
            }
        if !(error is CacheError), !(error is PeerBlobError) { answer.internalReason = "\(error)" }
        deliver(answer)
        advance()
    }
}
