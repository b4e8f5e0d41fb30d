import AsyncHTTPClient
import InProcessPeers
import KubernetesClient
import KubernetesTestKit
import LibP2P
import NIOCore
import NIOPosix
import RegistryTestKit
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
            HTTPBootstrap(url: "http://127.0.0.1:\(port)/id", port: 5001) { try await client.execute($0, timeout: $1) }
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

    @Test func `all peers of a URL's answer are taken`() async throws {
        let body = "[" + (1...5).map { #"{"Addrs":["/ip4/10.0.0.\#($0)"]}"# }.joined(separator: ",") + "]"
        let expected = (1...5).map { "/ip4/10.0.0.\($0)/tcp/5001" }
        #expect(try await Self.addresses("200 OK", body) == expected)
    }

    @Test func `a server of K3s is understood in its newer and in its older form`() async throws {
        let one = "/ip4/10.0.0.1/tcp/5001/p2p/\(Samples.peerText)"
        #expect(try await Self.addresses("200 OK", "[\"\(one)\"]") == [one])
        #expect(try await Self.addresses("200 OK", one + "\n", type: "text/plain; charset=utf-8") == [one])
        #expect(K3sNames.k3s.peersPath == "/v1-k3s/p2p")
    }

    private struct NoServer: Error {}

    @Test func `of a name's addresses all take the same three, by number`() async throws {
        let source = DNSBootstrap(name: "peers.example", port: 5001) { _, family in
            family == .ip4
                ? ["10.0.0.100", "10.0.0.9", "10.0.0.20", "10.0.0.10"]
                : ["fd00::10", "fd00::9", "fd00::a:0", "::1:0:0:1"]
        }
        #expect(
            try await source.addresses().map(\.description) == [
                "/ip4/10.0.0.9/tcp/5001", "/ip4/10.0.0.10/tcp/5001", "/ip4/10.0.0.20/tcp/5001",
                "/ip6/::1:0:0:1/tcp/5001", "/ip6/fd00::9/tcp/5001", "/ip6/fd00::10/tcp/5001",
            ])
    }

    @Test func `a family that cannot be looked up takes nothing from the other`() async throws {
        for failing in [Endpoint.NameFamily.ip4, .ip6] {
            let source = DNSBootstrap(name: "peers.example", port: 5001) { _, family in
                guard family != failing else { throw NoServer() }
                return [family == .ip4 ? "10.0.0.1" : "fd00::1"]
            }
            #expect(try await source.addresses().count == 1)
        }
        let none = DNSBootstrap(name: "peers.example", port: 5001) { _, _ in throw NoServer() }
        await #expect(throws: NoServer.self) { try await none.addresses() }
    }

    @Test func `a configured name stands for all its addresses`() async throws {
        let peer = Samples.peerText
        let list = ["/ip4/10.0.0.7/tcp/1", "/dns4/peers.example/tcp/5001/p2p/\(peer)", "/dns/gone.example/tcp/2"]
        let source = StaticBootstrap(try list.map { text in try Multiaddr(text) }) { name, family in
            guard name == "peers.example", family == .ip4 else { return [] }
            return ["10.0.0.1", "10.0.0.2"]
        }
        #expect(
            try await source.addresses().map(\.description) == [
                "/ip4/10.0.0.7/tcp/1", "/ip4/10.0.0.1/tcp/5001/p2p/\(peer)", "/ip4/10.0.0.2/tcp/5001/p2p/\(peer)",
            ])
        let gone = StaticBootstrap([try Multiaddr("/dns/gone.example/tcp/2")]) { _, _ in [] }
        let error = await #expect(throws: NameResolutionError.self) { try await gone.addresses() }
        #expect(error?.description == "gone.example cannot be looked up: it has no address")
    }

    @Test func `peers are found by the annotations of nodes, without our own`() async throws {
        let one = AddressInformation(
            peer: try PeerID(Samples.peerText), addresses: [try Multiaddr("/ip4/10.0.0.1/tcp/5001")])
        let address = "/ip4/10.0.0.1/tcp/5001/p2p/\(Samples.peerText)"
        for names in [K3sNames.k3s, .rke2] {
            let new = names.annotations(of: one)
            #expect(new["p2p.\(names.program).cattle.io/node-address"] == address)
            let old = ["p2p.\(names.program).cattle.io/node-address": "/ip4/10.0.0.2/tcp/5001,nonsense,/ip4/10.0.0.3"]
            let hidden = ["p2p.\(names.program).cattle.io/node-address": "/ip4/10.0.0.9/tcp/5001"]
            try await TestAPIServer.withRunning { server async throws in
                for (name, annotations) in [("own", new), ("new", new), ("old", old), ("none", [:])] {
                    server.put(
                        Self.node(annotations, labels: [names.enabledLabel: "true"]),
                        at: ObjectAddress(.nodes, name: name))
                }
                server.put(Self.node(hidden, labels: [:]), at: ObjectAddress(.nodes, name: "hidden"))
                let found = try await Self.annotated(server, names)
                #expect(
                    found.map(\.description).sorted()
                        == [address, "/ip4/10.0.0.2/tcp/5001", "/ip4/10.0.0.3/tcp/5001"])
            }
        }
    }

    @Test func `an API server that refuses or lies is an error`() async throws {
        try await TestAPIServer.withRunning(tls: try TestCertificates()) { server async throws in
            await #expect(throws: KubernetesError.self) { try await Self.annotated(server, .k3s) }
            #expect(server.requests("list", .nodes).map(\.status) == [401])
        }
    }

    private static func node(_ annotations: [String: String], labels: [String: String]) -> JSONTree {
        [
            "metadata": [
                "annotations": .object(annotations.mapValues { .string($0) }),
                "labels": .object(labels.mapValues { .string($0) }),
            ]
        ]
    }

    private static func annotated(_ server: TestAPIServer, _ names: K3sNames) async throws -> [Multiaddr] {
        let client = KubernetesClient(server.connection(), logger: PeerNetworkTests.logger)
        let result: Result<[Multiaddr], any Error>
        do {
            let bootstrap = KubernetesBootstrap(client: client, names: names, ownNode: "own", port: 5001)
            result = .success(try await bootstrap.addresses())
        } catch {
            result = .failure(error)
        }
        await client.shutdown()
        return try result.get()
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
