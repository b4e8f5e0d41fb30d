internal import NIOCore
internal import NIOPosix
internal import OCI

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// How far the client has got with what was written to it.
struct WriteProgress {
    /// When it was last seen to take anything.
    var at = NIODeadline.now()
    /// When that was last looked at.
    var checkedAt = NIODeadline.now()
    /// What its TCP had acknowledged then, in bytes.
    var acknowledged: UInt64?
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
            return (stallCheck, .stalled)
        }
        if context?.channel.isWritable == false { return (stallCheck, .stalled) }
        if let lingersSince { return (lingersSince + Self.lingeringTime, .lingering) }
        if isEnding { return (stallCheck, .stalled) }
        if let partialSince { return (partialSince + environment.headerTimeout, .header) }
        // A stream that has been answered closes by itself, once its client has taken everything.
        if transport == .http2 { return (stallCheck, .stalled) }
        return (idleSince + environment.idleTimeout, .idle)
    }

    /// The client has taken all of a write, or is about to be sent something.
    func noteProgress() { progress = WriteProgress() }

    /// A client is looked at several times within its limit, since the kernel holds megabytes for it and reports
    /// room only after a good part of them has gone.
    private var stallCheck: NIODeadline {
        progress.checkedAt + .nanoseconds(environment.writeTimeout.nanoseconds / 4)
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
        case .stalled: closeIfStalled(context)
        case .idle:
            // The last answer may still be on its way.
            if bufferedBytes ?? 0 > 0 {
                idleSince = .now()
                closeIfStalled(context)
            } else {
                context.close(mode: .all, promise: nil)
            }
        case .header:
            partialSince = nil
            fail(.init(status: 408, error: RegistryError(.unsupported, "the request did not arrive in time")))
        case .lingering: context.close(mode: .all, promise: nil)
        }
    }

    /// Closes a connection whose client has taken nothing for too long. A stream of HTTP/2 is judged by its own
    /// writes alone, which its client's flow control may hold back while the connection moves.
    private func closeIfStalled(_ context: ChannelHandlerContext) {
        guard transport != .http2, let provider = context.channel as? any SocketOptionProvider else {
            judge(acknowledged: nil)
            return
        }
        let handler = NIOLoopBound(self, eventLoop: context.eventLoop)
        let information: EventLoopFuture<TCPInformation> = provider.unsafeGetSocketOption(
            level: .tcp, name: .init(rawValue: TCP_INFO))
        information.whenComplete { result in
            handler.value.judge(acknowledged: try? result.get().bytesAcknowledged)
        }
    }

    private func judge(acknowledged: UInt64?) {
        guard let context, context.channel.isActive else { return }
        let now = NIODeadline.now()
        progress.checkedAt = now
        if let acknowledged, acknowledged != progress.acknowledged {
            progress.at = now
            progress.acknowledged = acknowledged
        }
        guard now - progress.at < environment.writeTimeout else {
            context.close(mode: .all, promise: nil)
            return
        }
        armTimer()
    }
}
