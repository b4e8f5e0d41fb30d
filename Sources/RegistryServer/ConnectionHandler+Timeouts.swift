internal import NIOCore
internal import OCI

/// How far the client has got with what was written to it.
struct WriteProgress {
    /// When it was last seen to take anything.
    var at = NIODeadline.now()
    /// Bytes that waited for the socket at that time; nil where that cannot be found out.
    var buffered: Int?
}

/// Time limits, each of which ends only what is stuck.
///
/// One timer serves a connection for its whole life: it is set when a limit comes earlier than the one it was set
/// for, and finds out what has become of the connection when it fires. Requests that come and are answered at once
/// never touch it.
extension ConnectionHandler {
    enum Expiry {
        case idle, header, stalled, lingering
    }

    /// Long enough for a client to read the answer and close.
    static var lingeringTime: TimeAmount { .seconds(2) }

    private var limit: (at: NIODeadline, expiry: Expiry)? {
        if let exchange {
            // How long the cache may take is the cache's matter.
            guard exchange.isHeadWritten else { return nil }
            return (progress.at + environment.writeTimeout, .stalled)
        }
        if context?.channel.isWritable == false { return (progress.at + environment.writeTimeout, .stalled) }
        if let lingersSince { return (lingersSince + Self.lingeringTime, .lingering) }
        if isEnding { return (progress.at + environment.writeTimeout, .stalled) }
        if let partialSince { return (partialSince + environment.headerTimeout, .header) }
        // A stream that has been answered closes by itself.
        return (idleSince + (transport == .http2 ? environment.headerTimeout : environment.idleTimeout), .idle)
    }

    func noteProgress() {
        progress = WriteProgress(at: .now(), buffered: bufferedBytes)
    }

    /// Bytes that wait for the socket. Streams of HTTP/2 do not know.
    private var bufferedBytes: Int? {
        guard transport != .http2 else { return nil }
        return try? context?.channel.syncOptions?.getOption(.bufferedWritableBytes)
    }

    func armTimer() {
        guard let context, context.channel.isActive, let limit else { return }
        if let timer {
            guard limit.at < timer.at else { return }
            timer.callback.cancel()
        }
        let handler = TimerHandler(handler: NIOLoopBound(self, eventLoop: context.eventLoop))
        // Fails only where the event loop has ended, and all its connections with it.
        timer = (try? context.eventLoop.scheduleCallback(at: limit.at, handler: handler)).map { ($0, limit.at) }
    }

    func cancelTimer() {
        timer?.callback.cancel()
        timer = nil
    }

    private struct TimerHandler: NIOScheduledCallbackHandler, Sendable {
        let handler: NIOLoopBound<ConnectionHandler>

        func handleScheduledCallback(eventLoop: some EventLoop) { handler.value.timerFired() }
    }

    private func timerFired() {
        timer = nil
        guard let context, context.channel.isActive, let limit else { return }
        guard limit.at <= .now() else {
            armTimer()
            return
        }
        switch limit.expiry {
        case .stalled: closeUnlessMoving(context)
        case .idle:
            // The last answer may still be on its way.
            if bufferedBytes ?? 0 > 0 { closeUnlessMoving(context) } else { context.close(mode: .all, promise: nil) }
        case .header:
            partialSince = nil
            fail(.init(status: 408, error: RegistryError(.unsupported, "the request did not arrive in time")))
        case .lingering: context.close(mode: .all, promise: nil)
        }
    }

    private func closeUnlessMoving(_ context: ChannelHandlerContext) {
        let buffered = bufferedBytes
        guard let buffered, buffered != progress.buffered else {
            context.close(mode: .all, promise: nil)
            return
        }
        progress = WriteProgress(at: .now(), buffered: buffered)
        idleSince = progress.at
        armTimer()
    }
}
