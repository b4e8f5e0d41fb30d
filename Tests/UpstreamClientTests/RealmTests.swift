import Credentials
import NIOCore
import OCI
import RegistryTestKit
import Testing
import Upstream
import UpstreamClient

@Suite(.timeLimit(.minutes(2)))
struct RealmTests {
    private let image = TestImage.PlatformImage(layerSizes: [100])

    private func run(
        credentials: AccountCredentials = .anonymous,
        configure: (inout UpstreamClient.Configuration, TestRegistry) throws -> Void = { _, _ in },
        _ body: (Harness, TokenAuthority) async throws -> Void
    ) async throws {
        try await Harness.runWithTokens(image, credentials: credentials, configure: configure, body)
    }

    @Test func `a realm outside the trust is never contacted, nor shown anything`() async throws {
        try await TestRegistry.withRunning(address: "127.0.0.2") { foreign in
            try await run(credentials: .basic(username: "me", password: "secret")) { harness, authority in
                foreign.tokenAuthority = authority
                harness.registry.access = .bearer(authority, realm: foreign.url + "/token")
                let error = await upstreamError { try await harness.client.manifestBytes() }
                #expect(error == .realmRefused(realm: foreign.url + "/token"))
                #expect(foreign.connectionCount == 0)
            }
        }
    }

    @Test func `a realm that the rule names is trusted`() async throws {
        try await TestRegistry.withRunning(address: "127.0.0.2") { foreign in
            try await run(configure: { configuration, _ in
                configuration.trustedRealmHosts = [try RegistryHost(foreign.authority)]
            }) { harness, authority async throws in
                foreign.tokenAuthority = authority
                harness.registry.access = .bearer(authority, realm: foreign.url + "/token?account=x")
                #expect(try await harness.client.manifestBytes() == image.manifest.bytes)
                #expect(
                    foreign.requests.first?.query
                        == "account=x&service=registry.test&scope=repository%3Alibrary%2Fnginx%3Apull")
            }
        }
    }

    @Test func `a realm may redirect within the trust, and not out of it`() async throws {
        try await TestRegistry.withRunning(address: "127.0.0.2") { foreign in
            try await run(credentials: .basic(username: "me", password: "secret")) { harness, _ in
                harness.registry.inject(.redirectSamePath(base: foreign.url), for: .tokens)
                let error = await upstreamError { try await harness.client.manifestBytes() }
                #expect(error == .realmRefused(realm: foreign.url + "/token"))
                #expect(foreign.connectionCount == 0)
            }
        }
    }

    @Test func `a realm's redirect to another origin is followed without the account`() async throws {
        try await TestRegistry.withRunning { other in
            try await run(credentials: .basic(username: "me", password: "secret")) { harness, _ in
                harness.registry.inject(.redirectSamePath(base: other.url), for: .tokens)
                _ = await upstreamError { try await harness.client.manifestBytes() }
                let first = try #require(harness.registry.requests(matching: .tokens).first)
                #expect(first.authorization == .basic(username: "me"))
                let redirected = try #require(other.requests.first)
                #expect(redirected.kind == .token)
                #expect(redirected.authorization == .none)
            }
        }
    }

    @Test(
        arguments: [
            (Fault.html(), .tokenEndpoint(reason: "its answer is not JSON")),
            (.replaceBody(Array("{}".utf8)), .tokenEndpoint(reason: "its answer has no token")),
            (.endlessBody, .tokenEndpoint(reason: "its answer is larger than 1048576 bytes")),
            (.status(500), .tokenEndpoint(reason: "it answered with status 500")),
            (.status(404), .tokenEndpoint(reason: "it answered with status 404")),
            (.truncateBody(afterBytes: 5), .tokenEndpoint(reason: "it broke off its answer")),
            (.stallBeforeHead, .tokenEndpoint(reason: "it did not answer in time")),
            (.stallBody(afterBytes: 5), .tokenEndpoint(reason: "it did not answer in time")),
            (.status(403), .unauthorized(status: 403)), (.status(401), .unauthorized(status: 401)),
            (.abuseLimited(retryAfterSeconds: 7), .rateLimited(.abuse, retryAfter: .seconds(7))),
        ] as [(Fault, UpstreamError)])
    func `a token endpoint that fails or lies is named, in bounded time`(
        _ fault: Fault, _ expected: UpstreamError
    ) async throws {
        try await run(configure: { configuration, _ in
            // Only for what never answers: on a busy machine, what does may take longer.
            if expected == .tokenEndpoint(reason: "it did not answer in time") {
                configuration.answerTimeout = .seconds(2)
                configuration.stallTimeout = .seconds(2)
            }
            configuration.attempts = 2
        }) { harness, _ in
            harness.registry.inject(fault, for: .tokens)
            #expect(await upstreamError { try await harness.client.manifestBytes() } == expected)
            #expect(harness.registry.requestCount(matching: .tokens) <= 2)
        }
    }
}
