internal import Logging
internal import NIOCore
internal import NIOHTTP1
internal import OCI
internal import PullThroughCache

/// Answers the requests of one HTTP/1.1 connection in their order, or the one request of an HTTP/2 stream.
///
/// What can be answered from memory is written within the read that brought the request. Everything else crosses into
/// a task that belongs to the exchange and is cancelled with it. While an answer is under way nothing is read, so
/// that a client cannot pile up requests.
final class ConnectionHandler: ChannelDuplexHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundIn = HTTPServerResponsePart
    typealias OutboundOut = HTTPServerResponsePart

    enum Transport: Hashable {
        /// Plain TCP, to which files are sent by the kernel.
        case http1
        case http1OverTLS
        /// One stream.
        case http2
    }

    let environment: ServerEnvironment
    let transport: Transport
    var context: ChannelHandlerContext?
    var assembler: RequestAssembler
    private var queue = RequestQueue()
    private var client: Client?
    /// The request being answered.
    var exchange: Exchange?
    private var lastExchange: UInt64 = 0
    private var wantsRead = false
    private var needsFlush = false
    private var isBeginning = false
    /// The last answer was given; no other follows.
    var isEnding = false
    /// Our side is closed; what the client still sends is read and dropped until it has seen that.
    var lingersSince: NIODeadline?
    private var lingeringBytes = 0
    /// When the first byte of a request arrived that is not complete yet.
    var partialSince: NIODeadline?
    var idleSince = NIODeadline.now()
    var progress = WriteProgress()
    var timer: (callback: NIOScheduledCallback, at: NIODeadline)?

    init(environment: ServerEnvironment, transport: Transport) {
        self.environment = environment
        self.transport = transport
        assembler = RequestAssembler(isHTTP2: transport == .http2)
    }

    // MARK: Reading

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        if context.channel.isActive { armTimer() }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        leave()
        self.context = nil
    }

    func channelActive(context: ChannelHandlerContext) {
        armTimer()
        context.fireChannelActive()
    }

    func channelInactive(context: ChannelHandlerContext) {
        leave()
        context.fireChannelInactive()
    }

    /// The first byte of what may become a request.
    func noteArrival() {
        if partialSince == nil { partialSince = .now() }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let pending: PendingRequest?
        switch unwrapInboundIn(data) {
        case .head(let head):
            noteArrival()
            pending = assembler.head(head, client: client(context), startedAt: partialSince ?? .now())
        case .body(let bytes):
            pending = assembler.body(count: bytes.readableBytes)
            dropLingering(bytes.readableBytes)
        case .end: pending = assembler.end()
        }
        if let pending { enqueue(pending) }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        flush()
        armTimer()
        context.fireChannelReadComplete()
    }

    /// Reading goes on when everything that was read is answered.
    func read(context: ChannelHandlerContext) {
        guard exchange == nil, queue.isEmpty else {
            wantsRead = true
            return
        }
        context.read()
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable { advance() }
        context.fireChannelWritabilityChanged()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        // A stream of HTTP/2 ends by itself; its connection has a handler of its own.
        if event is ChannelShouldQuiesceEvent, transport != .http2, exchange == nil, queue.isEmpty,
            !assembler.isReceiving, partialSince == nil
        {
            // What has been written is still sent.
            context.close(mode: .all, promise: nil)
        }
        context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard transport != .http2, let error = error as? HTTPParserError else {
            // After a failed parse every further read brings an error; the end is under way then.
            if error is ByteToMessageDecoderError.PayloadTooLargeError || !assembler.isEnded || transport == .http2 {
                environment.logger.debug("connection failed", metadata: ["error": "\(error)"])
                context.close(mode: .all, promise: nil)
            }
            return
        }
        let refusal: PendingRequest.Refusal =
            switch error {
            case .headerOverflow:
                .init(
                    status: 431,
                    error: RegistryError(
                        .unsupported, "the request's head is larger than \(environment.headerLimitBytes) bytes"))
            case .invalidVersion:
                .init(status: 505, error: RegistryError(.unsupported, "only HTTP/1.1 is spoken here"))
            default: .init(status: 400, error: RegistryError(.unsupported, "the request is malformed"))
            }
        fail(refusal)
    }

    /// Ends the connection with an error, after the answers to the requests before it.
    func fail(_ refusal: PendingRequest.Refusal) {
        guard let context, context.channel.isActive else { return }
        let pending = assembler.fail(refusal, client: client(context), startedAt: partialSince ?? .now())
        guard let pending else { return }
        enqueue(pending)
        flush()
        armTimer()
    }

    private func client(_ context: ChannelHandlerContext) -> Client {
        if let client { return client }
        let client = environment.client(at: context.channel.remoteAddress)
        self.client = client
        return client
    }

    // MARK: One exchange after the other

    private func enqueue(_ pending: PendingRequest) {
        partialSince = nil
        guard !isEnding else { return }
        if exchange == nil, queue.isEmpty, let context, context.channel.isWritable {
            begin(pending)
            return
        }
        guard queue.append(pending) else {
            context?.close(mode: .all, promise: nil)
            return
        }
    }

    /// Begins with the next request, unless the client has yet to take what was written before.
    private func proceed() {
        guard !isBeginning else { return }
        isBeginning = true
        defer { isBeginning = false }
        while exchange == nil, !isEnding, let context, context.channel.isWritable,
            let pending = queue.popFirst()
        {
            begin(pending)
        }
        if exchange == nil, queue.isEmpty, wantsRead {
            wantsRead = false
            context?.read()
        }
    }

    private func begin(_ pending: PendingRequest) {
        lastExchange &+= 1
        exchange = Exchange(id: lastExchange, pending: pending)
        if let refusal = pending.refusal {
            deliver(Answer(status: refusal.status, refusal.error))
            return
        }
        let (kind, outcome) = environment.dispatcher.dispatch(pending.request)
        exchange?.kind = kind
        switch outcome {
        case .now(let answer): deliver(answer)
        case .later(let work): wait(for: work, exchange: lastExchange)
        }
    }

    /// Asks the cache in a task, which belongs to this exchange and ends with it. It is not structured, since the
    /// event loop that starts it cannot wait; and a channel of requests to one task for each connection would cost a
    /// task for every idle connection.
    private func wait(for work: @escaping @Sendable () async -> Answer, exchange id: UInt64) {
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
            environment.logger.error("the cache failed", metadata: ["reason": "\(reason)"])
        }
        let body: Answer.Body = exchange.pending.request.isHead ? .none : answer.body
        switch body {
        case .none:
            writeHead(of: answer)
            finish()
        case .bytes(let bytes):
            writeHead(of: answer)
            if bytes.readableBytes > 0 {
                context?.write(wrapOutboundOut(.body(.byteBuffer(bytes))), promise: nil)
                self.exchange?.bytesSent += Int64(bytes.readableBytes)
            }
            finish()
        case .content(let content, let range):
            self.exchange?.answer = answer
            startTransfer(of: content, range: range)
        }
    }

    func writeHead(of answer: Answer) {
        guard let exchange, let context else { return }
        var fields = answer.fields
        fields.add(name: "Date", value: environment.date.text)
        if transport != .http2 {
            if environment.connections.isDraining { self.exchange?.pending.closesConnection = true }
            if self.exchange?.pending.closesConnection == true { fields.add(name: "Connection", value: "close") }
            if case .content(_, let range) = answer.body, range.upperBound == .max, !exchange.pending.request.isHead {
                fields.add(name: "Transfer-Encoding", value: "chunked")
            }
        }
        self.exchange?.answer = answer
        self.exchange?.isHeadWritten = true
        needsFlush = true
        let head = HTTPResponseHead(version: .http1_1, status: answer.status, headers: fields)
        context.write(wrapOutboundOut(.head(head)), promise: nil)
    }

    func finish() {
        guard let exchange, let context else { return }
        needsFlush = true
        record(exchange, isComplete: true)
        self.exchange = nil
        idleSince = .now()
        guard exchange.pending.closesConnection else {
            context.write(wrapOutboundOut(.end(nil)), promise: nil)
            return
        }
        isEnding = true
        let leavesInput = exchange.pending.leavesInput || !queue.isEmpty
        queue = RequestQueue()
        needsFlush = false
        let handler = NIOLoopBound(self, eventLoop: context.eventLoop)
        let promise = context.eventLoop.makePromise(of: Void.self)
        promise.futureResult.whenComplete { result in
            if case .success = result { handler.value.end(leavingInput: leavesInput) }
        }
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: promise)
        noteProgress()
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

    private func dropLingering(_ count: Int) {
        guard isEnding else { return }
        lingeringBytes += count
        // By then the client had every opportunity to see the answer.
        if lingeringBytes > Self.lingeringLimitBytes { context?.close(mode: .all, promise: nil) }
    }

    private static let lingeringLimitBytes = 16 << 20

    func flush() {
        guard needsFlush, let context else { return }
        needsFlush = false
        context.flush()
        if !context.channel.isWritable { noteProgress() }
    }

    /// The connection is gone: whatever was being done for it is cancelled.
    private func leave() {
        cancelTimer()
        guard let exchange else { return }
        self.exchange = nil
        exchange.task?.cancel()
        record(exchange, isComplete: false)
    }

    func record(_ exchange: Exchange, isComplete: Bool) {
        let request = exchange.pending.request
        let status = Int(exchange.answer?.status.code ?? 499)
        let nanoseconds = (NIODeadline.now() - request.startedAt).nanoseconds
        environment.metrics.record(
            method: request.method, kind: exchange.kind,
            status: isComplete ? ServerMetrics.StatusClass(status: status) : .aborted,
            bytes: exchange.bytesSent, nanoseconds: nanoseconds)
        environment.accessLog.record(exchange, status: status, nanoseconds: nanoseconds, isComplete: isComplete)
    }
}
