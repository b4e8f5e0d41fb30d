import AsyncHTTPClient
import FoundationEssentials
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

    private static func addresses(
        _ status: String, _ body: String, type: String = "application/json",
        _ source: @Sendable (Int, HTTPClient) -> any BootstrapSource = { port, client in
            HTTPBootstrap(url: "http://127.0.0.1:\(port)/id", port: 5001, client: client)
        }
    ) async throws -> [String] {
        let answer =
            "HTTP/1.1 \(status)\r\nContent-Type: \(type)\r\nContent-Length: \(body.utf8.count)\r\nConnection: close\r\n\r\n\(body)"
        let server = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in channel.pipeline.addHandler(Answerer(answer)) }
            .bind(host: "127.0.0.1", port: 0).get()
        let port = try #require(server.localAddress?.port)
        let client = HTTPClient(eventLoopGroup: MultiThreadedEventLoopGroup.singleton)
        let result: Result<[String], any Error>
        do {
            result = .success(try await source(port, client).addresses().map(\.description))
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

    @Test func `a server of K3s is understood in its newer and in its older form`() async throws {
        let one = "/ip4/10.0.0.1/tcp/5001/p2p/\(Samples.peerText)"
        #expect(try await Self.addresses("200 OK", "[\"\(one)\"]") == [one])
        #expect(try await Self.addresses("200 OK", one + "\n", type: "text/plain; charset=utf-8") == [one])
        #expect(K3sNames.k3s.peersPath == "/v1-k3s/p2p")
    }

    @Test func `peers are found by the annotations of nodes, without our own`() async throws {
        let one = AddressInformation(
            peer: try PeerID(Samples.peerText), addresses: [try Multiaddr("/ip4/10.0.0.1/tcp/5001")])
        let new = K3sNames.k3s.annotations(of: one)
        let address = "/ip4/10.0.0.1/tcp/5001/p2p/\(Samples.peerText)"
        #expect(new["p2p.k3s.cattle.io/node-address"] == address)
        let old = ["p2p.k3s.cattle.io/node-address": "/ip4/10.0.0.2/tcp/5001,nonsense,/ip4/10.0.0.3"]
        let nodes = [("own", new), ("new", new), ("old", old), ("none", [:])]
        let items = try nodes.map { name, annotations in
            let text = String(decoding: try JSONEncoder().encode(annotations), as: UTF8.self)
            return #"{"metadata":{"name":"\#(name)","annotations":\#(text)}}"#
        }
        let body = #"{"kind":"PartialObjectMetadataList","items":[\#(items.joined(separator: ","))]}"#
        let found = try await Self.addresses("200 OK", body) { port, client in
            KubernetesBootstrap(
                server: "http://127.0.0.1:\(port)", names: .k3s, ownNode: "own", port: 5001, client: client)
        }
        #expect(found == [address, "/ip4/10.0.0.2/tcp/5001", "/ip4/10.0.0.3/tcp/5001"])
        await #expect(throws: BootstrapError.refused(status: 403)) {
            _ = try await Self.addresses("403 Forbidden", "{}") { port, client in
                KubernetesBootstrap(
                    server: "http://127.0.0.1:\(port)", names: .k3s, ownNode: nil, port: 5001, client: client)
            }
        }
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
