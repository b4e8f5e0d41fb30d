import Credentials
import NIOCore
import OCI
import RegistryTestKit
import Testing
import Timekeeping
import Upstream
import UpstreamClient

@Suite(.timeLimit(.minutes(2)))
struct AuthorizationTests {
    private let image = TestImage.PlatformImage(layerSizes: [100, 200])

    private func run(
        _ settings: (inout TokenAuthority.Settings) -> Void = { _ in },
        credentials: AccountCredentials = .anonymous,
        _ body: (Harness, TokenAuthority) async throws -> Void
    ) async throws {
        try await Harness.runWithTokens(image, settings, credentials: credentials, body)
    }

    private var digests: [Digest] { image.blobs.map(\.digest) }

    @Test func `an anonymous token is fetched once and brought along`() async throws {
        try await run { harness, authority in
            _ = try await harness.client.resolve(tag, in: repository)
            #expect(try await harness.client.manifestBytes() == image.manifest.bytes)
            for digest in digests { _ = try await harness.client.wholeBlob(digest) }
            #expect(authority.issuedCount == 1)
            let request = try #require(harness.registry.requests(matching: .tokens).first)
            #expect(request.authorization == .none)
            #expect(request.query == "service=registry.test&scope=repository%3Alibrary%2Fnginx%3Apull")
            // One refusal teaches it; everything after brings the token.
            #expect(harness.registry.requests.filter { $0.status == 401 }.count == 1)
        }
    }

    @Test func `a later repository needs no refusal first`() async throws {
        try await run { harness, authority in
            _ = try await harness.client.manifestBytes()
            harness.registry.add(image, to: "other/name", tag: "latest")
            harness.registry.forgetRequests()
            _ = try await harness.client.manifestBytes(in: .named("other/name"))
            #expect(harness.registry.requests.map(\.kind) == [.token, .manifest])
            #expect(authority.issuedCount == 2)
        }
    }

    @Test func `fifty callers share one token request`() async throws {
        try await run { harness, authority in
            let stall = harness.registry.inject(.stallBeforeHead, for: .tokens)
            try await withThrowingTaskGroup(of: ByteBuffer.self) { group in
                for _ in 0..<50 { group.addTask { try await harness.client.manifestBytes() } }
                try await harness.registry.waitForRequests(count: 50, matching: .manifestGets)
                stall.release()
                for try await bytes in group { #expect(bytes == image.manifest.bytes) }
            }
            #expect(authority.issuedCount == 1)
            #expect(harness.registry.requestCount(matching: .tokens) == 1)
            _ = try await harness.client.manifestBytes()
            #expect(harness.registry.requestCount(matching: .tokens) == 1)
        }
    }

    @Test func `fifty callers with a known challenge cause exactly one token request`() async throws {
        try await run { harness, authority in
            _ = try await harness.client.manifestBytes()
            harness.clock.advance(by: .seconds(100_000))
            let stall = harness.registry.inject(.stallBeforeHead, for: .tokens)
            try await withThrowingTaskGroup(of: ByteBuffer.self) { group in
                for _ in 0..<50 { group.addTask { try await harness.client.manifestBytes() } }
                try await stall.waitUntilHolding()
                stall.release()
                for try await bytes in group { #expect(bytes == image.manifest.bytes) }
            }
            #expect(authority.issuedCount == 2)
        }
    }

    @Test func `one who leaves does not end the fetch for the others`() async throws {
        try await run { harness, authority in
            _ = try await harness.client.manifestBytes()
            harness.clock.advance(by: .seconds(100_000))
            let stall = harness.registry.inject(.stallBeforeHead, for: .tokens)
            let first = Task { try await harness.client.manifestBytes() }
            try await stall.waitUntilHolding()
            let second = Task { try await harness.client.manifestBytes() }
            first.cancel()
            #expect(await upstreamError { try await first.value } == .cancelled)
            stall.release()
            #expect(try await second.value == image.manifest.bytes)
            #expect(authority.issuedCount == 2)
        }
    }

    @Test func `an expired token is renewed before it is refused, and one refused early exactly once`() async throws {
        try await run({ $0.expiresInSeconds = 300 }) { harness, authority in
            _ = try await harness.client.manifestBytes()
            harness.clock.advance(by: .seconds(269))
            _ = try await harness.client.manifestBytes()
            #expect(authority.issuedCount == 1)
            harness.clock.advance(by: .seconds(2))
            _ = try await harness.client.manifestBytes()
            #expect(authority.issuedCount == 2)
            #expect(harness.registry.requests.filter { $0.status == 401 }.count == 1)
            authority.expireTokens()
            _ = try await harness.client.manifestBytes()
            #expect(authority.issuedCount == 3)
            #expect(harness.registry.requests.filter { $0.status == 401 }.count == 2)
        }
    }

    @Test func `401 for ever ends at once`() async throws {
        try await run({ $0.areTokensAccepted = false }) { harness, authority in
            #expect(await upstreamError { try await harness.client.manifestBytes() } == .unauthorized(status: 401))
            #expect(harness.registry.requestCount(matching: .manifests) == 2)
            #expect(authority.issuedCount == 1)
            #expect(await upstreamError { try await harness.client.manifestBytes() } == .unauthorized(status: 401))
            #expect(harness.registry.requestCount(matching: .manifests) == 3)
            #expect(authority.issuedCount == 2)
            #expect(harness.pauses.all.isEmpty)
        }
    }

    @Test func `a token for less than was asked ends in a refusal, not in a loop`() async throws {
        try await run({ $0.readers = ["library/nginx": ["someone"]] }) { harness, authority in
            #expect(await upstreamError { try await harness.client.manifestBytes() } == .unauthorized(status: 401))
            #expect(authority.issuedCount == 1)
        }
    }

    @Test func `403 is final with a fresh token, and renews an old one once`() async throws {
        try await run { harness, authority in
            _ = try await harness.client.manifestBytes()
            let challenge = #"Bearer realm="\#(harness.registry.url)/token",service="registry.test""#
            harness.registry.forgetRequests()
            let refusal = harness.registry.inject(
                .status(403, headers: ["WWW-Authenticate": challenge]), for: .manifests)
            #expect(await upstreamError { try await harness.client.manifestBytes() } == .unauthorized(status: 403))
            #expect(harness.registry.requests.map(\.kind) == [.manifest, .token, .manifest])
            harness.registry.remove(refusal)
            harness.registry.forgetRequests()
            harness.registry.inject(.status(403), for: .manifests)
            #expect(await upstreamError { try await harness.client.manifestBytes() } == .unauthorized(status: 403))
            #expect(harness.registry.requestCount(matching: .manifests) == 1)
            #expect(authority.issuedCount == 3)
        }
    }

    @Test func `an account signs in at the token endpoint`() async throws {
        try await run(
            {
                $0.accounts = ["me": "pass:word"]
                $0.allowsAnonymous = false
            }, credentials: .basic(username: "me", password: "pass:word")
        ) { harness, authority async throws in
            #expect(try await harness.client.manifestBytes() == image.manifest.bytes)
            #expect(harness.registry.requests(matching: .tokens).first?.authorization == .basic(username: "me"))
            #expect(harness.registry.requests.first?.authorization == RequestRecord.Authorization.none)
            #expect(authority.issuedCount == 1)
        }
    }

    @Test func `a wrong password is tried a few times and then rests`() async throws {
        try await run(
            {
                $0.accounts = ["me": "right"]
                $0.allowsAnonymous = false
            }, credentials: .basic(username: "me", password: "wrong")
        ) { harness, authority async throws in
            for number in 0..<20 {
                let error = await upstreamError {
                    try await harness.client.manifestBytes(in: .named("library/n\(number)"))
                }
                #expect(error == .unauthorized(status: 401))
            }
            #expect(harness.registry.requestCount(matching: .tokens) == 3)
            authority.settings.accounts = ["me": "wrong"]
            harness.clock.advance(by: .seconds(899))
            _ = await upstreamError { try await harness.client.manifestBytes() }
            #expect(harness.registry.requestCount(matching: .tokens) == 3)
            harness.clock.advance(by: .seconds(1))
            #expect(try await harness.client.manifestBytes() == image.manifest.bytes)
        }
    }

    @Test(arguments: [false, true])
    func `a wrong password is not shown by many at once, and one that was never shown is shown by one`(
        _ isRight: Bool
    ) async throws {
        try await run(
            {
                $0.accounts = ["me": "right"]
                $0.allowsAnonymous = false
            }, credentials: .basic(username: "me", password: isRight ? "right" : "wrong")
        ) { harness, _ in
            let names = (0..<30).map { RepositoryName.named("library/n\($0)") }
            for name in names { harness.registry.add(image, to: name.description, tag: "latest") }
            let stall = harness.registry.inject(.stallBeforeHead, for: .tokens)
            try await withThrowingTaskGroup(of: UpstreamError?.self) { group in
                for name in names {
                    group.addTask { await upstreamError { try await harness.client.manifestBytes(in: name) } }
                }
                try await harness.registry.waitForRequests(count: 30, matching: .manifestGets)
                try await stall.waitUntilHolding()
                #expect(harness.registry.requestCount(matching: .tokens) == 1)
                stall.release()
                for try await error in group { #expect(error == (isRight ? nil : .unauthorized(status: 401))) }
            }
            #expect(harness.registry.requestCount(matching: .tokens) == (isRight ? 30 : 3))
        }
    }

    @Test(arguments: [false, true])
    func `a wrong password is not shown by many at once to a registry without tokens either`(
        _ isRight: Bool
    ) async throws {
        try await Harness.run(credentials: .basic(username: "me", password: isRight ? "right" : "wrong")) { harness in
            harness.registry.access = .basic(username: "me", password: "right")
            let names = (0..<30).map { RepositoryName.named("library/n\($0)") }
            for name in names { harness.registry.add(image, to: name.description, tag: "latest") }
            try await withThrowingTaskGroup(of: UpstreamError?.self) { group in
                for name in names {
                    group.addTask { await upstreamError { try await harness.client.manifestBytes(in: name) } }
                }
                for try await error in group { #expect(error == (isRight ? nil : .unauthorized(status: 401))) }
            }
            let shown = harness.registry.requests.count { $0.authorization == .basic(username: "me") }
            #expect(shown == (isRight ? 30 : 3))
        }
    }

    @Test func `a refresh token is posted, and a new one taken over`() async throws {
        try await run(
            {
                $0.refreshTokens = ["refresh": "me"]
                $0.allowsAnonymous = false
                $0.tokenFields = ["access_token"]
            }, credentials: .refreshToken("refresh")
        ) { harness, _ in
            #expect(try await harness.client.manifestBytes() == image.manifest.bytes)
            let request = try #require(harness.registry.requests(matching: .tokens).first)
            #expect(request.method == "POST")
            #expect(request.query == nil)
            #expect(request.authorization == .none)
            #expect(request.formValue("grant_type") == "refresh_token")
            #expect(request.formValue("scope") == "repository:library/nginx:pull")
            #expect(request.formValue("service") == "registry.test")
            #expect(request.formValue("refresh_token") == "refresh")
            harness.clock.advance(by: .seconds(100_000))
            harness.registry.inject(
                .replaceBody(Array(#"{"access_token":"x","refresh_token":"second"}"#.utf8)), for: .tokens)
            _ = await upstreamError { try await harness.client.manifestBytes() }
            harness.registry.removeAllFaults()
            harness.registry.forgetRequests()
            _ = await upstreamError { try await harness.client.manifestBytes() }
            #expect(harness.registry.requests(matching: .tokens).first?.formValue("refresh_token") == "second")
        }
    }

    @Test(arguments: [404, 405])
    func `an endpoint without POST is asked by GET, from then on`(_ status: Int) async throws {
        try await run(
            {
                $0.postRefusedStatus = status
                $0.accounts = ["<token>": "refresh"]
                $0.allowsAnonymous = false
            }, credentials: .refreshToken("refresh")
        ) { harness, _ in
            #expect(try await harness.client.manifestBytes() == image.manifest.bytes)
            #expect(harness.registry.requests(matching: .tokens).map(\.method) == ["POST", "GET"])
            harness.clock.advance(by: .seconds(100_000))
            _ = try await harness.client.manifestBytes()
            #expect(harness.registry.requests(matching: .tokens).map(\.method) == ["POST", "GET", "GET"])
        }
    }

    @Test func `plain Basic is brought along once it was asked for`() async throws {
        try await Harness.run(credentials: .basic(username: "AWS", password: "p")) { harness in
            harness.registry.access = .basic(username: "AWS", password: "p")
            harness.registry.add(image, to: "library/nginx", tag: "latest")
            _ = try await harness.client.manifestBytes()
            _ = try await harness.client.manifestBytes()
            #expect(harness.registry.requests.map(\.status) == [401, 200, 200])
        }
    }

    @Test func `wrong Basic credentials rest after three refusals`() async throws {
        try await Harness.run(credentials: .basic(username: "AWS", password: "old")) { harness in
            harness.registry.access = .basic(username: "AWS", password: "new")
            for number in 0..<10 {
                let error = await upstreamError { try await harness.client.manifestBytes(in: .named("a/n\(number)")) }
                #expect(error == .unauthorized(status: 401))
            }
            let shown = harness.registry.requests.filter { $0.authorization == .basic(username: "AWS") }
            #expect(shown.count == 3)
        }
    }

    @Test func `Basic without an account is a refusal`() async throws {
        try await Harness.run { harness in
            harness.registry.access = .basic(username: "a", password: "b")
            #expect(await upstreamError { try await harness.client.manifestBytes() } == .unauthorized(status: 401))
            #expect(harness.registry.requestCount() == 1)
        }
    }

    @Test func `another scope than the common one is learned from the challenge`() async throws {
        try await run { harness, authority in
            let challenge =
                #"Bearer realm="\#(harness.registry.url)/token",service="registry.test","#
                + #"scope="repository:library/nginx:pull,metadata_read repository:base/layers:pull""#
            harness.registry.inject(.setHeader("WWW-Authenticate", challenge), for: .manifests.first(1))
            _ = try await harness.client.manifestBytes()
            let scopes = try #require(harness.registry.requests(matching: .tokens).first).queryItems
                .filter { $0.name == "scope" }.map(\.value)
            #expect(scopes == ["repository:library/nginx:pull,metadata_read", "repository:base/layers:pull"])
            #expect(authority.issuedCount == 1)
        }
    }

    @Test func `credentials are never printed`() {
        let secret = "s3cr3t"
        let source = FixedCredentials(.basic(username: "me", password: secret))
        #expect(!"\(source)".contains(secret))
        #expect(!"\(AccountCredentials.refreshToken(secret))".contains(secret))
        var dumped = ""
        dump(source, to: &dumped)
        #expect(!dumped.contains(secret))
    }
}
