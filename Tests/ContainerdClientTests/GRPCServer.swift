import NIOCore
import NIOHTTP1
import NIOHTTP2
import NIOPosix

@testable import ContainerdClient

/// A server on a Unix socket that answers every call as it is told.
struct GRPCServer {
    /// What becomes of a call.
    struct Script: Sendable {
        var messages: [[UInt8]] = []
        /// Sent as they are, after the messages.
        var raw: [UInt8] = []
        /// Nil breaks the stream off; so does nothing at all when `hangs`.
        var status: Int? = 0
        var message = ""
        var hangs = false
    }

    let path: String
    private let channel: any Channel

    static func with<Result>(
        _ answer: @escaping @Sendable (_ method: String) -> Script, _ body: (GRPCServer) async throws -> Result
    ) async throws -> Result {
        let path = "/tmp/weir-grpc-\(UInt64.random(in: 0 ... .max)).sock"
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                channel.configureHTTP2Pipeline(
                    mode: .server,
                    inboundStreamInitializer: { stream in
                        stream.eventLoop.makeCompletedFuture {
                            try stream.pipeline.syncOperations.addHandlers([
                                HTTP2FramePayloadToHTTP1ServerCodec(), Answering(answer: answer),
                            ])
                        }
                    }
                ).map { _ in }
            }
            .bind(unixDomainSocketPath: path, cleanupExistingSocketFile: true).get()
        do {
            let result = try await body(GRPCServer(path: path, channel: channel))
            try await channel.close()
            unlinkSocket(path)
            return result
        } catch {
            try? await channel.close()
            unlinkSocket(path)
            throw error
        }
    }

    private final class Answering: ChannelInboundHandler {
        typealias InboundIn = HTTPServerRequestPart
        typealias OutboundOut = HTTPServerResponsePart

        private let answer: @Sendable (String) -> Script
        private var method = ""

        init(answer: @escaping @Sendable (String) -> Script) { self.answer = answer }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            switch unwrapInboundIn(data) {
            case .head(let head): method = head.uri
            case .body: break
            case .end: reply(context, answer(method))
            }
        }

        private func reply(_ context: ChannelHandlerContext, _ script: Script) {
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
            context.writeAndFlush(wrapOutboundOut(.end(trailers)), promise: nil)
        }
    }
}
