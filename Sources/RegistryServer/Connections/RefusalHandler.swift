internal import NIOCore

/// Lets a client read why its handshake failed. Stands between the socket and TLS.
///
/// A client of TLS 1.3 that has shown a wrong certificate, or none, takes itself for connected and sends its request.
/// Closing while that is unread would reset the connection, and the client might hear of a broken connection in place of
/// the reason; so our side is closed, and what the client sends is read for a moment (RFC 9112, 9.6).
final class RefusalHandler: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// Long enough for a client to read the alert and close.
    private static let lingeringTime = TimeAmount.seconds(2)

    /// To be set once the connection is the client's: from then on whoever closes it knows how.
    var isHandshakeOver = false
    /// What is closed meanwhile is closed for what was read: nobody else closes at such a moment.
    private var isReading = false
    private var isLingering = false
    private var deadline: Scheduled<Void>?

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isLingering else { return }
        isReading = true
        defer { isReading = false }
        context.fireChannelRead(data)
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        isReading = true
        defer { isReading = false }
        context.fireChannelReadComplete()
    }

    func channelInactive(context: ChannelHandlerContext) {
        deadline?.cancel()
        context.fireChannelInactive()
    }

    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        guard mode == .all, isReading, !isHandshakeOver else { return context.close(mode: mode, promise: promise) }
        context.channel.closeFuture.cascade(to: promise)
        guard !isLingering else { return }
        isLingering = true
        let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
        deadline = context.eventLoop.scheduleTask(in: Self.lingeringTime) {
            bound.value.close(mode: .all, promise: nil)
        }
        // Done when the alert, which was written before, has been sent.
        let sent = context.eventLoop.makePromise(of: Void.self)
        sent.futureResult.whenSuccess { bound.value.close(mode: .output, promise: nil) }
        context.writeAndFlush(wrapOutboundOut(ByteBuffer()), promise: sent)
    }
}
