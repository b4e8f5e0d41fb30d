import NIOCore
import NIOHTTP1
import NIOHTTP2
import NIOPosix
import Synchronization

@testable import ContainerdClient

/// A server on a Unix socket that answers every call as it is told.
///
/// As servers may, it answers as soon as it has the request's message, and closes the stream then, whether or not the
/// request has ended.
struct GRPCServer {
    struct Call: Sendable {
        let method: String
        /// The request's message.
        let request: [UInt8]
    }

    /// What becomes of a call.
    struct Script: Sendable {
        var messages: [[UInt8]] = []
        /// Sent as they are, after the messages.
        var raw: [UInt8] = []
        /// Nil breaks the stream off; so does nothing at all when `hangs`.
        var status: Int? = 0
        var message = ""
        var hangs = false
        /// What the connection itself carries before the answer.
        var interlude: Interlude?
    }

    enum Interlude: Sendable {
        /// As Go's gRPC measures the line with.
        case ping
        /// The end of all calls.
        case goAway
        /// A frame that no connection may carry.
        case malformedFrame
    }

    /// What it has seen of its clients.
    struct Record: Sendable {
        var connections = 0
        /// Requests whose end did not come together with their message.
        var piecemealRequests = 0
        /// Connections that the client has given up.
        var givenUp = 0
    }

    let path: String
    private let channel: any Channel
    private let seen: Counts
    var record: Record { seen.record.withLock { $0 } }

    private final class Counts: Sendable {
        let record = Mutex(Record())
    }

    static func with<Result>(
        _ answer: @escaping @Sendable (Call) -> Script, _ body: (GRPCServer) async throws -> Result
    ) async throws -> Result {
        let path = "/tmp/weir-grpc-\(UInt64.random(in: 0 ... .max)).sock"
        let seen = Counts()
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                seen.record.withLock { $0.connections += 1 }
                // Answers to its own pings count as well.
                var connection = NIOHTTP2Handler.ConnectionConfiguration()
                connection.controlFrameRateLimit.maximumCount = 100_000
                return channel.configureHTTP2Pipeline(
                    mode: .server, connectionConfiguration: connection, streamConfiguration: .init(),
                    inboundStreamInitializer: { stream in
                        stream.eventLoop.makeCompletedFuture {
                            try stream.pipeline.syncOperations.addHandlers([
                                HTTP2FramePayloadToHTTP1ServerCodec(), Answering(answer: answer, seen: seen),
                            ])
                        }
                    }
                ).flatMapThrowing { _ in
                    try channel.pipeline.syncOperations.addHandler(Connection(seen: seen))
                }
            }
            .bind(unixDomainSocketPath: path, cleanupExistingSocketFile: true).get()
        do {
            let result = try await body(GRPCServer(path: path, channel: channel, seen: seen))
            try await channel.close()
            unlinkSocket(path)
            return result
        } catch {
            try? await channel.close()
            unlinkSocket(path)
            throw error
        }
    }

    private final class Connection: ChannelInboundHandler {
        typealias InboundIn = HTTP2Frame

        private let seen: Counts

        init(seen: Counts) { self.seen = seen }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            if case .goAway = unwrapInboundIn(data).payload { seen.record.withLock { $0.givenUp += 1 } }
        }
    }

    private final class Answering: ChannelInboundHandler {
        typealias InboundIn = HTTPServerRequestPart
        typealias OutboundOut = HTTPServerResponsePart

        private let answer: @Sendable (Call) -> Script
        private var method = ""
        private let seen: Counts
        private var decoder = GRPCFrameDecoder(limitBytes: 1 << 20)
        private var request: [UInt8]?
        private var isEnded = false

        init(answer: @escaping @Sendable (Call) -> Script, seen: Counts) {
            self.answer = answer
            self.seen = seen
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            switch unwrapInboundIn(data) {
            case .head(let head): method = head.uri
            case .body(let bytes):
                decoder.append(bytes)
                request = (try? decoder.next()).map { Array($0.readableBytesView) }
            case .end: isEnded = true
            }
        }

        func channelReadComplete(context: ChannelHandlerContext) {
            context.fireChannelReadComplete()
            guard let request else { return }
            self.request = nil
            if !isEnded { seen.record.withLock { $0.piecemealRequests += 1 } }
            reply(context, answer(Call(method: method, request: request)))
        }

        private func play(_ interlude: Interlude, on connection: any Channel) {
            switch interlude {
            case .ping:
                connection.writeAndFlush(
                    HTTP2Frame(streamID: .rootStream, payload: .ping(HTTP2PingData(withInteger: 1), ack: false)),
                    promise: nil)
            case .goAway:
                connection.writeAndFlush(
                    HTTP2Frame(
                        streamID: .rootStream,
                        payload: .goAway(lastStreamID: .maxID, errorCode: .noError, opaqueData: nil)), promise: nil)
            case .malformedFrame:
                // DATA on the stream of the connection (RFC 9113, 6.1).
                let bytes = ByteBuffer(bytes: [0, 0, 1, 0, 0, 0, 0, 0, 0, 0])
                let context = try? connection.pipeline.syncOperations.context(handlerType: NIOHTTP2Handler.self)
                context?.writeAndFlush(NIOAny(IOData.byteBuffer(bytes)), promise: nil)
            }
        }

        private func reply(_ context: ChannelHandlerContext, _ script: Script) {
            if let interlude = script.interlude, let connection = context.channel.parent {
                play(interlude, on: connection)
            }
            guard !script.hangs else { return }
            let head = HTTPResponseHead(
                version: .http1_1, status: .ok, headers: ["content-type": "application/grpc"])
            context.write(wrapOutboundOut(.head(head)), promise: nil)
            for message in script.messages {
                context.write(wrapOutboundOut(.body(.byteBuffer(GRPCFrameDecoder.frame(message)))), promise: nil)
            }
            if !script.raw.isEmpty {
                context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: script.raw)))), promise: nil)
            }
            guard let status = script.status else {
                context.flush()
                context.close(promise: nil)
                return
            }
            let trailers: HTTPHeaders = ["grpc-status": "\(status)", "grpc-message": script.message]
            let stream = context.channel
            // Not before: a reset would overtake what is not yet written.
            context.writeAndFlush(wrapOutboundOut(.end(trailers))).whenComplete { _ in stream.close(promise: nil) }
        }
    }
}
