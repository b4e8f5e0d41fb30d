internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix
internal import Synchronization

/// An endpoint on this machine, of a cloud for instance: answers as its handler says, and keeps what it was asked.
package final class StandIn: Sendable {
    package struct Request: Sendable {
        package var method: String
        package var path: String
        package var query: String
        package var fields: [(name: String, value: String)]
        package var body: String

        package subscript(_ name: String) -> String? {
            fields.first { $0.name.lowercased() == name.lowercased() }?.value
        }

        /// Of a body in a form.
        package var form: [String: String] {
            Dictionary(decodedForm(body).map { ($0.name, $0.value) }, uniquingKeysWith: { first, _ in first })
        }
    }

    package struct Answer: Sendable {
        package var status = 200
        package var fields: [String: String] = [:]
        package var body = ""
        /// Never comes.
        package var isWithheld = false

        package init(status: Int = 200, fields: [String: String] = [:], body: String = "", isWithheld: Bool = false) {
            self.status = status
            self.fields = fields
            self.body = body
            self.isWithheld = isWithheld
        }

        package static func json(_ text: String, status: Int = 200, fields: [String: String] = [:]) -> Answer {
            Answer(status: status, fields: fields, body: text)
        }
    }

    package typealias Handler = @Sendable (Request) -> Answer

    private let channel: any Channel
    private let log = Mutex<[Request]>([])
    package let origin: String

    package var requests: [Request] { log.withLock(\.self) }

    private final class Relay: Sendable {
        let target = Mutex<(@Sendable (Request) -> Answer)?>(nil)
    }

    package init(_ handler: @escaping Handler) async throws {
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
