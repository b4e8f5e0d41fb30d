internal import Logging
internal import NIOCore
internal import NIOHTTP1
internal import OCI

/// The course of one exchange: an answer is found, written and recorded.
extension ConnectionHandler {
    /// Asks the cache in a task, which belongs to this exchange and ends with it. It is not structured, since the
    /// event loop that starts it cannot wait; and a channel of requests to one task for each connection would cost a
    /// task for every idle connection.
    func wait(for work: @escaping @Sendable () async -> Answer, exchange id: UInt64) {
        guard let context else { return }
        let eventLoop = context.eventLoop
        let handler = NIOLoopBound(self, eventLoop: eventLoop)
        exchange?.task = Task {
            let answer = await work()
            eventLoop.execute { handler.value.arrived(answer, exchange: id) }
        }
    }

    private func arrived(_ answer: Answer, exchange id: UInt64) {
        guard exchange?.id == id else { return }
        exchange?.task = nil
        deliver(answer)
        advance()
    }

    /// Flushes what was written and goes on with whatever waits. For callers outside of a read.
    func advance() {
        proceed()
        flush()
        armTimer()
    }

    func deliver(_ answer: Answer) {
        guard let exchange else { return }
        if let reason = answer.internalReason {
            environment.logger.error("the request failed inside", metadata: ["reason": "\(reason)"])
        }
        let body: Answer.Body = exchange.pending.request.isHead ? .none : answer.body
        switch body {
        case .none:
            writeHead(of: answer)
            finish()
        case .bytes(let bytes):
            writeHead(of: answer, followedBy: bytes.readableBytes > 0 ? bytes : nil)
            finish()
        case .content(let content, let range):
            exchange.answer = answer
            startTransfer(of: content, range: range)
        }
    }

    func finish() {
        guard let exchange else { return }
        needsFlush = true
        record(exchange, isComplete: true)
        self.exchange = nil
        idleSince = .now()
        guard exchange.pending.closesConnection else {
            writeEnd(isChunked: exchange.isChunked, promise: nil)
            return
        }
        closeWhenWritten(
            isChunked: exchange.isChunked, leavingInput: exchange.pending.leavesInput || !queue.isEmpty)
    }

    /// Takes no more requests, and closes once the answer's end and all that was written before it has been sent:
    /// closing at once would throw away what the client has yet to take.
    func closeWhenWritten(isChunked: Bool, leavingInput: Bool) {
        guard let context else { return }
        isEnding = true
        queue = RequestQueue()
        needsFlush = false
        let handler = NIOLoopBound(self, eventLoop: context.eventLoop)
        let promise = context.eventLoop.makePromise(of: Void.self)
        promise.futureResult.whenComplete { result in
            if case .success = result { handler.value.end(leavingInput: leavingInput) }
        }
        noteProgress()
        writeEnd(isChunked: isChunked, promise: promise)
        context.flush()
        armTimer()
    }

    /// Closes. Where bytes of the client are unread the kernel would reset the connection, and the client might lose
    /// the answer that tells it why; so our side is closed, and the client's bytes are read for a moment
    /// (RFC 9112, 9.6).
    private func end(leavingInput: Bool) {
        guard let context, context.channel.isActive else { return }
        guard leavingInput, transport != .http2 else {
            context.close(mode: .all, promise: nil)
            return
        }
        lingersSince = .now()
        context.close(mode: .output, promise: nil)
        armTimer()
        context.read()
    }

    func record(_ exchange: Exchange, isComplete: Bool) {
        let request = exchange.pending.request
        let status = Int(exchange.answer?.status.code ?? 499)
        let nanoseconds = (NIODeadline.now() - request.startedAt).nanoseconds
        environment.metrics.record(
            request, kind: exchange.kind, status: status, isComplete: isComplete, bytes: exchange.bytesSent,
            nanoseconds: nanoseconds)
        environment.accessLog.record(exchange, status: status, nanoseconds: nanoseconds, isComplete: isComplete)
    }
}
