internal import Listening
internal import Logging
internal import NIOCore
internal import NIOHTTP1
internal import NIOHTTP2
internal import NIOSSL

/// Puts the handlers of a new connection in place.
struct ConnectionPipeline: Sendable {
    let environment: ServerEnvironment
    /// Nil for plain connections.
    let tls: ServingCertificate?

    /// To be called on the channel's event loop.
    func configure(_ channel: any Channel) -> EventLoopFuture<Void> {
        guard environment.connections.enter(channel) else {
            environment.logger.debug("too many connections")
            return channel.close()
        }
        guard let tls else {
            return channel.eventLoop.makeCompletedFuture { try addHTTP1(to: channel, transport: .http1) }
        }
        // A client that connects and says nothing, or breaks off in the middle of the handshake, is not waited for.
        let handshakeLimit = channel.eventLoop.scheduleTask(in: environment.headerTimeout) {
            channel.close(mode: .all, promise: nil)
        }
        channel.closeFuture.whenComplete { _ in handshakeLimit.cancel() }
        let refusals = NIOLoopBound(RefusalHandler(), eventLoop: channel.eventLoop)
        return channel.eventLoop.makeCompletedFuture {
            try channel.pipeline.syncOperations.addHandlers([refusals.value, tls.makeHandler()])
        }.flatMap {
            channel.configureHTTP2SecureUpgrade(
                h2ChannelConfigurator: { channel in
                    handshakeLimit.cancel()
                    refusals.value.isHandshakeOver = true
                    return channel.eventLoop.makeCompletedFuture { try addHTTP2(to: channel) }
                },
                http1ChannelConfigurator: { channel in
                    handshakeLimit.cancel()
                    refusals.value.isHandshakeOver = true
                    return channel.eventLoop.makeCompletedFuture {
                        try addHTTP1(to: channel, transport: .http1OverTLS)
                    }
                })
        }.flatMapThrowing {
            try channel.pipeline.syncOperations.addHandler(ConnectionErrorHandler(logger: environment.logger))
        }
    }

    private func addHTTP1(to channel: any Channel, transport: ConnectionHandler.Transport) throws {
        let handler = ConnectionHandler(environment: environment, transport: transport)
        var limits = NIOHTTPDecoderLimitConfiguration()
        limits.maxHeaderFieldSize = environment.headerLimitBytes
        limits.maxHeaderListSize = environment.headerLimitBytes
        limits.maxHeaderFieldCount = 100
        let pipeline = channel.pipeline.syncOperations
        try pipeline.addHandlers([
            RequestReader(connection: handler, limitBytes: environment.headerLimitBytes),
            ByteToMessageHandler(
                HTTPRequestDecoder(leftOverBytesStrategy: .dropBytes, limitConfiguration: limits),
                // The parser keeps one field at most, and what a read brings.
                maximumBufferSize: environment.headerLimitBytes + (256 << 10)),
            handler,
        ])
    }

    private func addHTTP2(to channel: any Channel) throws {
        var connection = NIOHTTP2Handler.ConnectionConfiguration()
        connection.initialSettings = [
            HTTP2Setting(parameter: .maxConcurrentStreams, value: Self.streamLimit),
            HTTP2Setting(parameter: .maxHeaderListSize, value: environment.headerLimitBytes),
        ]
        // The library's own limits on resets, control frames, empty frames and continuations stay as they are: they
        // end a connection that opens and resets streams faster than any registry client does.
        let manager = NIOHTTP2ServerConnectionManagementHandler(
            eventLoop: channel.eventLoop,
            configuration: .init(
                maxIdleTime: environment.idleTimeout, maxAge: nil, maxGraceTime: environment.drainTimeout,
                keepalive: .init(pingInterval: environment.idleTimeout, ackTimeout: environment.writeTimeout)))
        let environment = environment
        let handler = NIOHTTP2Handler(
            mode: .server, eventLoop: channel.eventLoop, connectionConfiguration: connection,
            streamConfiguration: NIOHTTP2Handler.StreamConfiguration(), streamDelegate: manager.http2StreamDelegate
        ) { stream in
            stream.eventLoop.makeCompletedFuture {
                try stream.pipeline.syncOperations.addHandlers([
                    HTTP2FramePayloadToHTTP1ServerCodec(),
                    ConnectionHandler(environment: environment, transport: .http2),
                ])
            }
        }
        try channel.pipeline.syncOperations.addHandlers([
            handler, manager, ConnectionErrorHandler(logger: environment.logger),
        ])
    }

    /// Streams at one time on one connection.
    private static let streamLimit = 100
}

/// Closes a connection that can no longer be used: a failed handshake, a broken protocol.
final class ConnectionErrorHandler: ChannelInboundHandler {
    typealias InboundIn = NIOAny

    private let logger: Logger

    init(logger: Logger) { self.logger = logger }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // One stream's trouble is not the connection's.
        if error is NIOHTTP2Errors.StreamError { return }
        logger.debug("connection failed", metadata: ["error": "\(error)"])
        context.close(mode: .all, promise: nil)
    }
}
