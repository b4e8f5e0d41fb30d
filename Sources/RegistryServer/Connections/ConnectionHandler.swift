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
    var queue = RequestQueue()
    private var client: Client?
    /// The request being answered.
    var exchange: Exchange?
    private var lastExchange: UInt64 = 0
    private var wantsRead = false
    var needsFlush = false
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
        if context.channel.isActive, transport != .http2 { armTimer() }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        leave()
        self.context = nil
    }

    func channelActive(context: ChannelHandlerContext) {
        // A stream begins with its request, and mostly ends within the same read.
        if transport != .http2 { armTimer() }
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

    /// A request that needed no parser.
    func receive(_ request: PlainRequest) {
        guard let context else { return }
        guard !isEnding else { return dropLingering(request.count) }
        let pending = assembler.plain(request, client: client(context), startedAt: partialSince ?? .now())
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
            closeWhenWritten(isChunked: false, leavingInput: false)
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
    func proceed() {
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
        let exchange = Exchange(id: lastExchange, pending: pending)
        self.exchange = exchange
        environment.metrics.began(pending.request)
        if let refusal = pending.refusal {
            deliver(Answer(status: refusal.status, refusal.error))
            return
        }
        let (kind, outcome) = environment.dispatcher.dispatch(pending.request)
        exchange.kind = kind
        switch outcome {
        case .now(let answer): deliver(answer)
        case .later(let work): wait(for: work, exchange: lastExchange)
        }
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
}
