import NIOCore
import OCI
import RegistryTestKit
import Testing
import Upstream

@testable import UpstreamClient

@Suite(.timeLimit(.minutes(2)))
struct ProxyTests {
    @Test(
        arguments: [
            ("proxy:3128", "proxy", 3128, nil, nil), ("http://Proxy.test:8080/", "proxy.test", 8080, nil, nil),
            ("http://proxy", "proxy", 80, nil, nil), ("http://[::1]:8080", "::1", 8080, nil, nil),
            ("http://me:p%40ss%3A@proxy:1", "proxy", 1, "me", "p@ss:"), ("http://me@proxy:1", "proxy", 1, "me", ""),
        ] as [(String, String, Int, String?, String?)])
    func `a proxy's address is read`(_ text: String, host: String, port: Int, username: String?, password: String?) {
        let address = ProxyAddress(text)
        #expect(address?.host == host)
        #expect(address?.port == port)
        #expect(address?.username == username)
        #expect(address?.password == password)
        #expect(address.map { !"\($0)".contains("p@ss") } == true)
    }

    @Test(arguments: [
        "", "proxy", "https://proxy:1", "socks5://proxy:1", "proxy:0", "proxy:70000", "a:b:c", "[::1", "http://",
    ])
    func `what is no proxy's address is none`(_ text: String) { #expect(ProxyAddress(text) == nil) }

    private static let exceptions = [
        "example.com", ".suffix.test", "*.star.test", "10.0.0.0/8", "192.168.1.7", "2001:db8::/32", "port.test:5000",
        " spaced.test ", "[::2]", "", "bad/99",
    ]

    @Test(arguments: [
        ("https://registry-1.docker.io/", true), ("https://example.com/", false), ("https://a.example.com/", false),
        ("https://notexample.com/", true), ("https://suffix.test/", true), ("https://a.suffix.test/", false),
        ("https://a.star.test/", false), ("https://10.255.0.1/", false), ("https://11.0.0.1/", true),
        ("https://192.168.1.7:5000/", false), ("https://192.168.1.8/", true), ("https://[2001:db8::5]/", false),
        ("https://[2001:db9::5]/", true), ("https://port.test:5000/", false), ("https://port.test/", true),
        ("https://spaced.test/", false), ("https://[::2]/", false), ("https://[::ffff:10.1.2.3]/", false),
        ("https://127.0.0.1/", false), ("https://localhost/", false), ("https://[::1]/", false),
        ("https://10.example.org/", true),
    ])
    func `exceptions are reached directly`(_ target: String, isProxied: Bool) throws {
        let settings = ProxySettings(http: nil, https: "proxy:3128", exceptions: Self.exceptions)
        let decision = settings.decision(for: try WebAddress(target))
        #expect((decision != .direct) == isProxied)
    }

    @Test func `each scheme has its proxy, a star excepts everything, and nonsense is no way past it`() throws {
        let (plain, secure) = (try WebAddress("http://a.test"), try WebAddress("https://a.test"))
        let settings = ProxySettings(http: "one:1", https: "two:2")
        #expect(settings.decision(for: plain) == ProxyAddress("one:1").map { .through($0) })
        #expect(settings.decision(for: secure) == ProxyAddress("two:2").map { .through($0) })
        #expect(ProxySettings(http: "one:1").decision(for: secure) == .direct)
        #expect(ProxySettings(https: "").decision(for: secure) == .direct)
        #expect(ProxySettings(https: "two:2", exceptions: ["*"]).decision(for: secure) == .direct)
        #expect(ProxySettings(https: "socks5://x").decision(for: secure) == .malformed)
    }

    /// The upstream is on the loopback, which is never proxied: it gets a name that only the proxy would need.
    private func withProxiedClient(
        _ proxy: ProxySettings, tls: ServerTLS?, _ body: (UpstreamClient, TestRegistry) async throws -> Void
    ) async throws {
        // 127.0.0.1 as an IPv4-mapped address is the loopback, too; Linux takes 0.0.0.0 for it without calling it so.
        try await Harness.run(tls: tls) { harness in
            let transport = UpstreamTransport(proxy: proxy, logger: Harness.logger)
            let client = UpstreamClient(
                configuration: UpstreamClient.Configuration(
                    name: "test", usesTLS: tls != nil, host: try RegistryHost("0.0.0.0:\(harness.registry.port)"),
                    tls: UpstreamClient.TLS(skipsVerification: true), attempts: 1),
                transport: transport, clock: harness.clock, logger: Harness.logger)
            do {
                try await body(client, harness.registry)
            } catch {
                try await transport.shutdown()
                throw error
            }
            try await transport.shutdown()
        }
    }

    @Test(arguments: [false, true])
    func `a tunnel carries plain and encrypted connections`(_ isEncrypted: Bool) async throws {
        let tls = isEncrypted ? ServerTLS(try TestCertificates()) : nil
        try await ConnectProxy.withRunning { proxy in
            let setting = "http://me:secret@127.0.0.1:\(proxy.port)"
            try await withProxiedClient(ProxySettings(http: setting, https: setting), tls: tls) { client, registry in
                let image = registry.addImage(repository: "library/nginx", tag: "latest")
                let bytes = try await client.manifestBytes()
                #expect(bytes == image.index.bytes)
                for blob in image.blobs {
                    let bytes = try await client.wholeBlob(blob.digest)
                    #expect(bytes == blob.bytes)
                }
                #expect(
                    proxy.tunnels == [.init(target: "0.0.0.0:\(registry.port)", authorization: "Basic bWU6c2VjcmV0")])
            }
        }
    }

    @Test(arguments: [407, 503])
    func `a proxy that refuses is named, and not gone around`(_ status: Int) async throws {
        try await ConnectProxy.withRunning(refusing: status) { proxy in
            let settings = ProxySettings(http: "127.0.0.1:\(proxy.port)")
            try await withProxiedClient(settings, tls: nil) { client, registry in
                let error = await upstreamError { try await client.manifestBytes() }
                let reason = status == 407 ? "the proxy demands credentials" : "the proxy refused the connection"
                #expect(error == .unreachable(reason: reason))
                #expect(registry.requestCount() == 0)
            }
        }
    }

    @Test func `a proxy that is not there is not gone around`() async throws {
        try await withProxiedClient(ProxySettings(http: "127.0.0.1:1"), tls: nil) { client, registry in
            guard case .unreachable = await upstreamError({ try await client.manifestBytes() }) else {
                Issue.record("the upstream was reached")
                return
            }
            #expect(registry.connectionCount == 0)
        }
    }
}
