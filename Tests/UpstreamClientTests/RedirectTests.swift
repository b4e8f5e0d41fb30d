import Credentials
import NIOCore
import NIOHTTP1
import OCI
import RegistryTestKit
import Synchronization
import Testing
import Timekeeping
import Upstream

@testable import UpstreamClient

/// Tells what a test wants names to resolve to.
struct ScriptedResolver: HostResolver {
    let answers: [String: [String]]

    func addresses(of name: String, timeout: Duration) async throws -> [SocketAddress] {
        guard let addresses = answers[name] else { throw HostResolutionError(status: -2) }
        return try addresses.map { try SocketAddress(ipAddress: $0, port: 0) }
    }
}

@Suite(.timeLimit(.minutes(2)))
struct RedirectTests {
    private let blob = TestContent.random(count: 100_000)

    @Test func `another host gets the range and the type, and no credentials`() async throws {
        try await TestRegistry.withRunning { data in
            data.add(blob: blob.bytes, to: "library/nginx")
            try await Harness.run(credentials: .basic(username: "me", password: "secret")) { harness in
                harness.registry.access = .basic(username: "me", password: "secret")
                harness.registry.addImage(repository: "library/nginx", tag: "latest")
                _ = try await harness.client.manifestBytes()
                harness.registry.inject(.redirectSamePath(base: data.url), for: .blobs)
                // The client knows by now what the upstream wants, and shows it there.
                let rest = try await harness.client.wholeBlob(blob.digest, from: 40_000)
                #expect(rest == blob.bytes.getSlice(at: 40_000, length: 60_000))
                let asked = try #require(harness.registry.requests.last)
                #expect(asked.authorization == .basic(username: "me"))
                let redirected = try #require(data.requests.last)
                #expect(redirected.authorization == .none)
                #expect(redirected.range == "bytes=40000-")
                #expect(redirected.host == data.authority)
            }
        }
    }

    @Test func `what another host says of limits is none of the upstream's`() async throws {
        try await TestRegistry.withRunning { data in
            data.add(blob: blob.bytes, to: "library/nginx")
            data.inject(.setHeader("ratelimit-limit", "1;w=60"))
            data.inject(.setHeader("ratelimit-remaining", "0;w=60"))
            try await Harness.run { harness in
                harness.registry.inject(.redirectSamePath(base: data.url), for: .blobs)
                let whole = try await harness.client.wholeBlob(blob.digest)
                #expect(whole == blob.bytes)
                #expect(harness.answers.statuses == [307])
                #expect(harness.answers.limits == [])
            }
        }
    }

    @Test func `the same origin keeps the credentials`() async throws {
        try await Harness.run(credentials: .basic(username: "me", password: "secret")) { harness async throws in
            harness.registry.access = .basic(username: "me", password: "secret")
            let image = harness.registry.addImage(repository: "library/nginx", tag: "latest")
            harness.registry.inject(
                .redirect(to: "/v2/library/nginx/manifests/\(image.index.digest)", status: 302),
                for: RequestMatcher(kind: .manifest, reference: "latest"))
            #expect(try await harness.client.manifestBytes() == image.index.bytes)
            #expect(harness.registry.requests.last?.authorization == .basic(username: "me"))
        }
    }

    @Test func `a loop ends`() async throws {
        try await Harness.run { harness in
            harness.registry.inject(.redirectSamePath(base: harness.registry.url))
            let error = await upstreamError { try await harness.client.manifestBytes() }
            #expect(error == .redirectRefused(reason: "there were more than 5 in a row"))
            #expect(harness.registry.requestCount() == 6)
        }
    }

    @Test(arguments: [
        "http://169.254.169.254/latest/meta-data/", "http://10.0.0.1/", "http://[fd00:ec2::254]/", "http://0.0.0.0/",
        "http://2852039166/", "http://[::ffff:192.168.1.1]/", "file:///etc/passwd",
    ])
    func `a local upstream may send nobody to other networks`(_ target: String) async throws {
        try await Harness.run { harness in
            harness.registry.inject(.redirect(to: target))
            let error = await upstreamError { try await harness.client.manifestBytes() }
            guard case .redirectRefused = error else {
                Issue.record("\(String(describing: error))")
                return
            }
            #expect(harness.registry.requestCount() == 1)
        }
    }

    private static let names = ScriptedResolver(answers: [
        "public.test": ["8.8.8.8", "2606:4700::1"], "internal.test": ["10.1.2.3"], "sneaky.test": ["127.0.0.1"],
        "mixed.test": ["8.8.8.8", "::1"], "metadata.test": ["169.254.169.254"], "cdn.test": ["1.1.1.1"],
    ])

    @Test(
        arguments: [
            ("public.test", "https://cdn.test/x", .publicNetwork), ("public.test", "https://9.9.9.9/x", .publicNetwork),
            ("public.test", "https://sneaky.test/x", nil), ("public.test", "https://internal.test/x", nil),
            ("public.test", "https://mixed.test/x", nil), ("public.test", "https://metadata.test/x", nil),
            ("public.test", "https://localhost/x", nil), ("public.test", "https://127.1/x", nil),
            ("public.test", "https://public.test:8443/x", .publicNetwork),
            ("public.test", "https://public.test/x", .everything),
            ("internal.test", "https://192.168.1.1/x", [.publicNetwork, .privateNetwork]),
            ("internal.test", "https://cdn.test/x", .publicNetwork), ("internal.test", "https://sneaky.test/x", nil),
            ("internal.test", "https://metadata.test/x", nil),
            ("10.9.9.9", "https://internal.test/x", [.publicNetwork, .privateNetwork]),
            ("sneaky.test", "https://127.0.0.2/x", [.publicNetwork, .loopback]),
        ] as [(String, String, AddressClass?)])
    func `where an upstream may send us depends on where it is itself`(
        upstream: String, target: String, expected: AddressClass?
    ) async throws {
        let transport = UpstreamTransport(proxy: ProxySettings(), resolver: Self.names, logger: Harness.logger)
        let connector = Connector(
            configuration: UpstreamClient.Configuration(name: "test", host: try RegistryHost(upstream)),
            transport: transport, logger: Harness.logger, metrics: UpstreamMetrics(rule: "test"),
            pacing: Pacing(PacingSettings(), rule: "test"), clock: SystemWallClock())
        var allowed: AddressClass?
        let address = try WebAddress(target)
        do throws(Failure) {
            allowed = try await connector.allowedNetworks(for: address) { .redirectRefused(reason: $0) }
        } catch {
            guard case .redirectRefused = error.error else { throw error }
        }
        #expect(allowed == expected)
    }

    @Test(arguments: ["10.0.0.1", "127.0.0.1", "169.254.169.254"])
    func `a token endpoint under the upstream's own domain is not asked in another network`(
        _ address: String
    ) async throws {
        let resolver = ScriptedResolver(answers: ["auth.weir.test": [address], "registry.weir.test": ["8.8.4.4"]])
        let transport = UpstreamTransport(proxy: ProxySettings(), resolver: resolver, logger: Harness.logger)
        let connector = Connector(
            configuration: UpstreamClient.Configuration(name: "test", host: try RegistryHost("registry.weir.test")),
            transport: transport, logger: Harness.logger, metrics: UpstreamMetrics(rule: "test"),
            pacing: Pacing(PacingSettings(), rule: "test"), clock: SystemWallClock())
        let fetcher = TokenFetcher(
            connector: connector, clock: SystemWallClock(),
            environment: UpstreamClient.Environment(random: { 1 }, sleep: { _ in }))
        let realm = try WebAddress("https://auth.weir.test/token")
        var refusal: UpstreamError?
        do throws(Failure) {
            _ = try await fetcher.token(
                TokenEndpoint(realm: realm, service: nil), scope: "repository:a/b:pull",
                with: AccountCredentials.basic(username: "me", password: "secret"))
        } catch {
            refusal = error.error
        }
        #expect(refusal == .realmRefused(realm: "\(realm)"))
        try await transport.shutdown()
    }

    @Test func `a name that does not resolve is not followed`() async throws {
        try await Harness.run(resolver: Self.names) { harness in
            harness.registry.inject(.redirect(to: "http://nowhere.test/"))
            let error = await upstreamError { try await harness.client.manifestBytes() }
            guard case .unreachable = error else {
                Issue.record("\(String(describing: error))")
                return
            }
        }
    }

    @Test func `a name that resolves to the loopback only when it is connected to is caught there`() async throws {
        // The first answer is public, as with DNS rebinding; the connection then goes where the system resolver says.
        let resolver = ScriptedResolver(answers: ["localhost": ["8.8.8.8"], "weir-upstream.test": ["8.8.4.4"]])
        try await TestRegistry.withRunning { victim in
            victim.addImage(repository: "library/nginx", tag: "latest")
            let logger = Harness.logger
            let transport = UpstreamTransport(proxy: ProxySettings(), resolver: resolver, logger: logger)
            let connector = Connector(
                configuration: UpstreamClient.Configuration(
                    name: "test", usesTLS: false, host: try RegistryHost("weir-upstream.test")),
                transport: transport, logger: logger, metrics: UpstreamMetrics(rule: "test"),
                pacing: Pacing(PacingSettings(), rule: "test"), clock: SystemWallClock())
            let target = try WebAddress("http://localhost:\(victim.port)/v2/library/nginx/manifests/latest")
            var failure: Failure?
            do throws(Failure) {
                _ = try await connector.send(
                    .GET, target, headers: [:], allowed: .publicNetwork, isFromUpstream: false)
            } catch {
                failure = error
            }
            try await transport.shutdown()
            #expect(
                failure?.error == .redirectRefused(reason: "it leads to an address of a loopback network"))
            #expect(victim.requestCount() == 0)
            try await victim.waitForOpenConnections(atMost: 0)
        }
    }

    @Test func `a challenge behind a redirect changes nothing for the upstream`() async throws {
        try await TestRegistry.withRunning { data in
            data.access = .bearer(TokenAuthority())
            try await Harness.run { harness async throws in
                let image = harness.registry.addImage(repository: "library/nginx", tag: "latest")
                let redirect = harness.registry.inject(.redirectSamePath(base: data.url))
                let error = await upstreamError { try await harness.client.manifestBytes() }
                #expect(error == .unauthorized(status: 401))
                #expect(data.requestCount(matching: .tokens) == 0)
                harness.registry.remove(redirect)
                #expect(try await harness.client.manifestBytes() == image.index.bytes)
                #expect(harness.registry.requests.last?.authorization == RequestRecord.Authorization.none)
            }
        }
    }

    @Test func `a signed address arrives as it was given`() async throws {
        try await TestRegistry.withRunning { data in
            try await Harness.run { harness in
                let query = "X-Amz-Signature=a%2Fb%2Bc%3D&X-Amz-Date=20250101T000000Z&response-content-type=a+b~c"
                harness.registry.inject(.redirect(to: "\(data.url)/bucket/a%2Fb/c?\(query)"))
                #expect(await upstreamError { try await harness.client.wholeBlob(blob.digest) } == .notFound)
                #expect(data.requests.first?.path == "/bucket/a%2Fb/c")
                #expect(data.requests.first?.query == query)
            }
        }
    }
}
