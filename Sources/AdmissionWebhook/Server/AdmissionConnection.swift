internal import Listening
internal import Logging
internal import NIOCore
internal import NIOHTTP1

/// Answers the requests of one connection, one after the other; the pipeline's own handler lets no second one through
/// before the first is answered.
final class AdmissionConnection: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private enum State {
        /// Between requests.
        case idle
        case receiving(HTTPRequestHead, [UInt8], since: ContinuousClock.Instant)
        case answering(keepsAlive: Bool, isHead: Bool, Task<Void, Never>)
        /// The answer is written, or nothing more is to come; what still arrives is dropped.
        case ending
    }

    private let environment: AdmissionEnvironment
    private let servesReviews: Bool
    private var state = State.idle
    private var reservedBytes = 0
    private var timer: Scheduled<Void>?

    /// - Parameter servesReviews: false for a listener that has health and metrics alone.
    init(environment: AdmissionEnvironment, servesReviews: Bool) {
        self.environment = environment
        self.servesReviews = servesReviews
    }

    func handlerAdded(context: ChannelHandlerContext) { arm(environment.configuration.idleTimeout, context) }

    func handlerRemoved(context: ChannelHandlerContext) { leave() }

    func channelInactive(context: ChannelHandlerContext) {
        leave()
        context.fireChannelInactive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head): begin(head, context)
        case .body(let buffer): receive(buffer, context)
        case .end: complete(context)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        environment.logger.debug("connection failed", metadata: ["error": "\(error)"])
        context.close(mode: .all, promise: nil)
    }

    // MARK: The request

    private func begin(_ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        guard case .idle = state else { return }
        arm(environment.configuration.requestTimeout, context)
        state = .receiving(head, [], since: .now)
        let limit = environment.configuration.bodyLimitBytes
        if let length = head.headers.first(name: "Content-Length").flatMap({ Int($0) }), length > limit {
            return refuse(413, "the body is larger than \(limit) bytes", context)
        }
        if head.headers.first(name: "Expect")?.lowercased() == "100-continue" {
            context.writeAndFlush(
                wrapOutboundOut(.head(HTTPResponseHead(version: head.version, status: .continue))), promise: nil)
        }
    }

    private func receive(_ buffer: ByteBuffer, _ context: ChannelHandlerContext) {
        guard case .receiving(let head, var body, let start) = state else { return }
        // Not held twice while it grows.
        state = .ending
        guard body.count + buffer.readableBytes <= environment.configuration.bodyLimitBytes else {
            return refuse(413, "the body is larger than \(environment.configuration.bodyLimitBytes) bytes", context)
        }
        guard environment.bodies.reserve(buffer.readableBytes) else {
            return refuse(503, "too many bodies are being received", context)
        }
        reservedBytes += buffer.readableBytes
        body.append(contentsOf: buffer.readableBytesView)
        state = .receiving(head, body, since: start)
    }

    private func complete(_ context: ChannelHandlerContext) {
        guard case .receiving(let head, let body, let start) = state else { return }
        timer?.cancel()
        let work = work(head, body, since: start)
        let eventLoop = context.eventLoop
        let bound = NIOLoopBound((self, context), eventLoop: eventLoop)
        // Belongs to this exchange, and ends with its connection: an event loop cannot wait for it.
        let task = Task {
            let answer = await work()
            eventLoop.execute {
                let (handler, context) = bound.value
                handler.deliver(answer, context)
            }
        }
        state = .answering(keepsAlive: head.isKeepAlive, isHead: head.method == .HEAD, task)
    }

    private func work(
        _ head: HTTPRequestHead, _ body: [UInt8], since start: ContinuousClock.Instant
    ) -> @Sendable () async -> ReviewResponder.Answer {
        let target = ReviewTarget(head.uri)
        if servesReviews, let kind = ReviewKind(path: target.path) {
            guard head.method == .POST else { return { .refusal(405, "weir: reviews are sent with POST") } }
            let responder = environment.responder
            return { await responder.answer(kind, body, timeout: target.timeout, since: start) }
        }
        guard let operation = environment.operations[String(target.path)] else {
            return { .refusal(404, "weir: there is nothing here") }
        }
        guard head.method == .GET || head.method == .HEAD else { return { .refusal(405, "weir: only GET is known") } }
        return {
            let answer = await operation()
            return ReviewResponder.Answer(
                status: answer.status, contentType: answer.contentType, body: Array(answer.body.utf8))
        }
    }

    // MARK: The answer

    private func refuse(_ status: Int, _ text: String, _ context: ChannelHandlerContext) {
        write(.refusal(status, "weir: \(text)"), keepsAlive: false, isHead: false, context)
    }

    private func deliver(_ answer: ReviewResponder.Answer, _ context: ChannelHandlerContext) {
        guard case .answering(let keepsAlive, let isHead, _) = state, context.channel.isActive else { return }
        write(answer, keepsAlive: keepsAlive && !environment.connections.isDraining, isHead: isHead, context)
    }

    private func write(
        _ answer: ReviewResponder.Answer, keepsAlive: Bool, isHead: Bool, _ context: ChannelHandlerContext
    ) {
        giveBack()
        var headers = HTTPHeaders([
            ("Content-Type", answer.contentType), ("Content-Length", "\(answer.body.count)"),
        ])
        if !keepsAlive { headers.add(name: "Connection", value: "close") }
        let head = HTTPResponseHead(
            version: .http1_1, status: HTTPResponseStatus(statusCode: answer.status), headers: headers)
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        if !isHead {
            context.write(
                wrapOutboundOut(.body(.byteBuffer(context.channel.allocator.buffer(bytes: answer.body)))), promise: nil)
        }
        state = keepsAlive ? .idle : .ending
        // A client that does not take its answer is not waited for; one that has taken it may ask again.
        arm(keepsAlive ? environment.configuration.idleTimeout : environment.configuration.requestTimeout, context)
        let written = context.eventLoop.makePromise(of: Void.self)
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: written)
        guard !keepsAlive else { return }
        let channel = context.channel
        written.futureResult.whenComplete { _ in channel.close(mode: .all, promise: nil) }
    }

    // MARK: The end

    private func arm(_ timeout: Duration, _ context: ChannelHandlerContext) {
        timer?.cancel()
        let channel = context.channel
        timer = context.eventLoop.scheduleTask(in: TimeAmount(timeout)) { channel.close(mode: .all, promise: nil) }
    }

    private func giveBack() {
        environment.bodies.giveBack(reservedBytes)
        reservedBytes = 0
    }

    private func leave() {
        timer?.cancel()
        timer = nil
        giveBack()
        if case .answering(_, _, let task) = state { task.cancel() }
        state = .ending
    }
}
