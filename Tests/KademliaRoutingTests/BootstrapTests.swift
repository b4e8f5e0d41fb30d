import AsyncHTTPClient
import LibP2P
import NIOCore
import NIOPosix
import Testing

@testable import KademliaRouting

@Suite(.timeLimit(.minutes(1)))
struct BootstrapTests {
    /// Answers the first bytes of every connection with `answer`, and closes.
    private final class Answerer: ChannelInboundHandler, Sendable {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer
        private let answer: String

        init(_ answer: String) { self.answer = answer }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let channel = context.channel
            context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: answer))).whenComplete { _ in
                channel.close(promise: nil)
            }
        }
    }

    private static func addresses(_ status: String, _ body: String) async throws -> [String] {
        let answer = "HTTP/1.1 \(status)\r\nContent-Length: \(body.utf8.count)\r\nConnection: close\r\n\r\n\(body)"
        let server = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in channel.pipeline.addHandler(Answerer(answer)) }
            .bind(host: "127.0.0.1", port: 0).get()
        let port = try #require(server.localAddress?.port)
        let client = HTTPClient(eventLoopGroup: MultiThreadedEventLoopGroup.singleton)
        let result: Result<[String], any Error>
        do {
            let source = HTTPBootstrap(url: "http://127.0.0.1:\(port)/id", port: 5001, client: client)
            result = .success(try await source.addresses().map(\.description))
        } catch {
            result = .failure(error)
        }
        try await client.shutdown()
        try await server.close()
        return try result.get()
    }

    @Test func `the first three peers of a URL's answer are taken`() async throws {
        let body = "[" + (1...5).map { #"{"Addrs":["/ip4/10.0.0.\#($0)"]}"# }.joined(separator: ",") + "]"
        let expected = (1...3).map { "/ip4/10.0.0.\($0)/tcp/5001" }
        #expect(try await Self.addresses("200 OK", body) == expected)
    }

    @Test func `a refusal, nonsense and an endless answer are errors`() async throws {
        await #expect(throws: BootstrapError.refused(status: 503)) {
            _ = try await Self.addresses("503 Service Unavailable", "[]")
        }
        await #expect(throws: BootstrapError.malformedAnswer) { _ = try await Self.addresses("200 OK", "hello") }
        await #expect(throws: (any Error).self) {
            _ = try await Self.addresses("200 OK", "[" + String(repeating: " ", count: 65 << 10) + "]")
        }
    }
}
