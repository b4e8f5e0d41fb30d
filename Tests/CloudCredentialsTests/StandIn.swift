import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

/// A cloud's endpoint on this machine: answers as its handler says, and keeps what it was asked.
final class StandIn: Sendable {
    struct Request: Sendable {
        var method: String
        var path: String
        var query: String
        var fields: [(name: String, value: String)]
        var body: String

        subscript(_ name: String) -> String? { fields.first { $0.name.lowercased() == name.lowercased() }?.value }

        /// Of a body in a form.
        var form: [String: String] {
            Dictionary(
                body.split(separator: "&").map { pair in
                    let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
                    return (String(parts[0]), parts.count == 2 ? parts[1].removingPercentEncoding ?? "" : "")
                }, uniquingKeysWith: { first, _ in first })
        }
    }

    struct Answer: Sendable {
        var status = 200
        var fields: [String: String] = [:]
        var body = ""
        /// Never comes.
        var isWithheld = false

        static func json(_ text: String, status: Int = 200, fields: [String: String] = [:]) -> Answer {
            Answer(status: status, fields: fields, body: text)
        }
    }

    typealias Handler = @Sendable (Request) -> Answer

    private let channel: any Channel
    private let log = Mutex<[Request]>([])
    let origin: String

    var requests: [Request] { log.withLock(\.self) }

    private final class Relay: Sendable {
        let target = Mutex<(@Sendable (Request) -> Answer)?>(nil)
    }

    init(_ handler: @escaping Handler) async throws {
        let relay = Relay()
        channel = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline()
                    try channel.pipeline.syncOperations.addHandler(
                        Server { request in relay.target.withLock(\.self)?(request) ?? Answer(status: 500) })
                }
            }.bind(host: "127.0.0.1", port: 0).get()
        origin = "http://127.0.0.1:\(channel.localAddress?.port ?? 0)"
        relay.target.withLock { target in
            target = { [weak self] request in
                self?.log.withLock { $0.append(request) }
                return handler(request)
            }
        }
    }

    deinit { channel.close(promise: nil) }

    private final class Server: ChannelInboundHandler {
        typealias InboundIn = HTTPServerRequestPart
        typealias OutboundOut = HTTPServerResponsePart

        private let handler: Handler
        private var head: HTTPRequestHead?
        private var body = ByteBuffer()

        init(_ handler: @escaping Handler) { self.handler = handler }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            switch unwrapInboundIn(data) {
            case .head(let received):
                head = received
                body.clear()
            case .body(var part): body.writeBuffer(&part)
            case .end:
                guard let head else { return }
                let parts = head.uri.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
                let answer = handler(
                    Request(
                        method: head.method.rawValue, path: String(parts[0]),
                        query: parts.count == 2 ? String(parts[1]) : "",
                        fields: head.headers.map { ($0.name, $0.value) }, body: String(buffer: body)))
                if answer.isWithheld { return }
                var fields = HTTPHeaders(answer.fields.map { ($0.key, $0.value) })
                fields.add(name: "Content-Length", value: "\(answer.body.utf8.count)")
                let response = HTTPResponseHead(
                    version: .http1_1, status: HTTPResponseStatus(statusCode: answer.status), headers: fields)
                context.write(wrapOutboundOut(.head(response)), promise: nil)
                context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: answer.body)))), promise: nil)
                context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
            }
        }
    }
}

/// A file for one test.
final class Scratch: Sendable {
    let path = "/tmp/weir-cloud-\(UUID().uuidString)"

    init(_ text: String) throws { try text.write(toFile: path, atomically: false, encoding: .utf8) }

    deinit { try? FileManager.default.removeItem(atPath: path) }
}
