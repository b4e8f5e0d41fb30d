import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import OCI
import RegistryTestKit
import Testing
import Timekeeping

/// The simulated Docker Hub does what Docker says of theirs; other tests build on it.
@Suite(.timeLimit(.minutes(2)))
struct SimulatedHubTests {
    private struct Stage {
        let registry: TestRegistry
        let hub: SimulatedHub
        let clock: ManualWallClock

        static func run(_ settings: SimulatedHub.Settings = .init(), _ body: (Stage) async throws -> Void) async throws
        {
            let clock = ManualWallClock()
            let hub = SimulatedHub(clock: clock, settings)
            hub.add(SimulatedHub.Account("alice", password: "right"))
            try await TestRegistry.withRunning { registry in
                registry.hub = hub
                registry.addSingleImage(repository: "library/nginx", tag: "latest", layerSizes: [100])
                try await body(Stage(registry: registry, hub: hub, clock: clock))
            }
        }

        func send(_ path: String, _ method: HTTPMethod = .GET, _ authorization: String? = nil) async throws -> (
            status: Int, headers: HTTPHeaders, body: String
        ) {
            var request = HTTPClientRequest(url: registry.url + path)
            request.method = method
            if let authorization { request.headers.add(name: "Authorization", value: authorization) }
            let response = try await HTTPClient.shared.execute(request, timeout: .seconds(30))
            let body = try await response.body.collect(upTo: 1 << 20)
            return (Int(response.status.code), response.headers, String(buffer: body))
        }

        /// A `Bearer` field; nil where the login was refused.
        func token(_ login: String? = nil, repository: String = "library/nginx") async throws -> String? {
            let answer = try await send(
                "/token?service=registry.docker.io&scope=repository:\(repository):pull", .GET,
                login.map { "Basic " + base64($0) })
            let parts = answer.body.split(separator: "\"")
            guard answer.status == 200, parts.count > 3 else { return nil }
            return "Bearer \(parts[3])"
        }

        private func base64(_ text: String) -> String {
            text == "alice:right" ? "YWxpY2U6cmlnaHQ=" : "YWxpY2U6d3Jvbmc="
        }
    }

    private let path = "/v2/library/nginx/manifests/latest"

    @Test(arguments: [PullRegime.sixHours, .hourly])
    func `a manifest's GET counts and its HEAD does not, for addresses and accounts apart`(
        _ regime: PullRegime
    ) async throws {
        try await Stage.run(SimulatedHub.Settings(regime: regime)) { stage in
            let (anonymous, alice) = (try await stage.token(), try await stage.token("alice:right"))
            let limit = try #require(regime.anonymous)
            let own = try #require(regime.personal)
            let head = try await stage.send(path, .HEAD, anonymous)
            #expect(head.headers["ratelimit-remaining"] == ["\(limit.count);w=\(limit.windowSeconds)"])
            let get = try await stage.send(path, .GET, anonymous)
            #expect(get.headers["ratelimit-limit"] == ["\(limit.count);w=\(limit.windowSeconds)"])
            #expect(get.headers["ratelimit-remaining"] == ["\(limit.count - 1);w=\(limit.windowSeconds)"])
            #expect(get.headers["docker-ratelimit-source"] == ["127.0.0.1"])
            let signedIn = try await stage.send(path, .GET, alice)
            #expect(signedIn.headers["ratelimit-remaining"] == ["\(own.count - 1);w=\(own.windowSeconds)"])
            #expect(signedIn.headers["docker-ratelimit-source"] != ["127.0.0.1"])
            #expect(stage.hub.remaining(of: .address("127.0.0.1")) == limit.count - 1)
            #expect(stage.hub.tally(of: .address("127.0.0.1")) == .init(pulls: 1, heads: 1))
        }
    }

    @Test func `a spent window refuses GETs in Docker's words, until it ends`() async throws {
        try await Stage.run(SimulatedHub.Settings(regime: .hourly)) { stage in
            let token = try await stage.token()
            stage.hub.spend(9, of: .address("127.0.0.1"))
            #expect(try await stage.send(path, .GET, token).status == 200)
            let refused = try await stage.send(path, .GET, token)
            #expect(refused.status == 429)
            #expect(refused.body.contains("TOOMANYREQUESTS"))
            #expect(refused.headers["ratelimit-remaining"] == ["0;w=3600"])
            #expect(refused.headers["Retry-After"] == [])
            #expect(try await stage.send(path, .HEAD, token).status == 200)
            var settings = stage.hub.settings
            settings.sendsPullRetryAfter = true
            settings.refusesHeadsWhenSpent = true
            stage.hub.settings = settings
            stage.clock.advance(by: .seconds(200))
            #expect(try await stage.send(path, .GET, token).headers["Retry-After"] == ["3400"])
            #expect(try await stage.send(path, .HEAD, token).status == 429)
            stage.clock.advance(by: .seconds(3400))
            let again = try await stage.token()
            #expect(try await stage.send(path, .GET, again).headers["ratelimit-remaining"] == ["9;w=3600"])
        }
    }

    @Test func `blobs and tokens are free, as are repositories and plans without a limit`() async throws {
        var settings = SimulatedHub.Settings()
        settings.unlimitedRepositories = ["verified/image"]
        try await Stage.run(settings) { stage in
            let blob = stage.registry.add(blob: ByteBuffer(string: "content"), to: "library/nginx")
            stage.registry.addSingleImage(repository: "verified/image", tag: "1", layerSizes: [10])
            let token = try await stage.token()
            #expect(try await stage.send("/v2/library/nginx/blobs/\(blob)", .GET, token).body == "content")
            let free = try await stage.send(
                "/v2/verified/image/manifests/1", .GET, try await stage.token(repository: "verified/image"))
            #expect(free.status == 200)
            #expect(free.headers["ratelimit-limit"] == [])
            #expect(stage.hub.remaining(of: .address("127.0.0.1")) == 100)
            stage.hub.add(SimulatedHub.Account("alice", password: "right", plan: .paid))
            let paid = try await stage.send(path, .GET, try await stage.token("alice:right"))
            #expect(paid.headers["ratelimit-remaining"] == [])
            #expect(stage.hub.tally(of: .account("alice")).unlimitedPulls == 1)
        }
    }

    @Test func `the limiter against abuse counts every request for a minute, and says little`() async throws {
        try await Stage.run(SimulatedHub.Settings(abuseLimit: 3)) { stage in
            let token = try await stage.token()
            #expect(try await stage.send("/v2/").status == 401)
            #expect(try await stage.send(path, .HEAD, token).status == 200)
            let refused = try await stage.send(path, .GET, token)
            #expect(refused.status == 429)
            #expect(refused.body == "Too Many Requests\n")
            #expect(refused.headers["ratelimit-limit"] == [])
            #expect(try await stage.token() == nil)
            #expect(stage.hub.tally(ofAddress: "127.0.0.1").refusedAsAbuse == 2)
            stage.clock.advance(by: .seconds(60))
            #expect(try await stage.send(path, .GET, token).status == 200)
        }
    }

    @Test func `refused logins lock the account, for right passwords as well, until it is forgiven`() async throws {
        var settings = SimulatedHub.Settings()
        settings.lockAfterRefusals = 2
        try await Stage.run(settings) { stage async throws in
            #expect(try await stage.token("alice:wrong") == nil)
            #expect(!stage.hub.isLocked(.account("alice")))
            #expect(try await stage.token("alice:wrong") == nil)
            #expect(stage.hub.isLocked(.account("alice")))
            #expect(try await stage.token("alice:right") == nil)
            #expect(try await stage.token() != nil)
            #expect(
                stage.hub.tally(ofAddress: "127.0.0.1")
                    == .init(requests: 4, refusedLogins: 2, loginsWhileLocked: 1))
            stage.clock.advance(by: .seconds(settings.lockSeconds))
            #expect(try await stage.token("alice:right") != nil)
        }
    }

    @Test func `tokens expire, are revoked, and hold for what was granted`() async throws {
        var settings = SimulatedHub.Settings()
        settings.readers = ["team/private": ["alice"]]
        try await Stage.run(settings) { stage in
            stage.registry.addSingleImage(repository: "team/private", tag: "1", layerSizes: [10])
            let secret = "/v2/team/private/manifests/1"
            let stranger = try await stage.token(repository: "team/private")
            let refused = try await stage.send(secret, .GET, stranger)
            #expect(refused.status == 401)
            #expect(refused.headers.first(name: "WWW-Authenticate")?.contains("insufficient_scope") == true)
            let reader = try await stage.token("alice:right", repository: "team/private")
            #expect(try await stage.send(secret, .GET, reader).status == 200)
            stage.clock.advance(by: .seconds(settings.tokenSeconds))
            #expect(try await stage.send(secret, .GET, reader).status == 401)
            let next = try await stage.token("alice:right", repository: "team/private")
            stage.hub.revokeTokens()
            #expect(try await stage.send(secret, .GET, next).status == 401)
        }
    }

    @Test func `a sliding window forgives pull by pull, a fixed one all at once`() {
        for (style, expected) in [(PullLimit.Style.fixed, 2), (.sliding, 1)] {
            let clock = ManualWallClock()
            let limit = PullLimit(2, perSeconds: 100, style: style)
            let hub = SimulatedHub(clock: clock, .init(regime: PullRegime(anonymous: limit, personal: nil)))
            let source = SimulatedHub.Source.address("192.0.2.1")
            #expect(hub.ask("GET", repository: "a/b", as: source) == .allowed(remaining: 1))
            clock.advance(by: .seconds(60))
            #expect(hub.ask("GET", repository: "a/b", as: source) == .allowed(remaining: 0))
            let begin = clock.now() - .seconds(60)
            #expect(hub.ask("GET", repository: "a/b", as: source) == .spent(recovery: begin + .seconds(100)))
            clock.advance(by: .seconds(40))
            #expect(hub.remaining(of: source) == expected)
        }
    }

    @Test(
        arguments: [
            ("192.0.2.1", "192.0.2.1"), ("2001:db8::1", "2001:db8:0:0::/64"),
            ("2001:DB8:0:1:ffff::2", "2001:db8:0:1::/64"), ("2001:0db8:0000:0001:1:2:3:4", "2001:db8:0:1::/64"),
            ("fe80::1%eth0", "fe80:0:0:0::/64"), ("::1", "0:0:0:0::/64"), ("::ffff:192.0.2.9", "192.0.2.9"),
        ])
    func `an address of IPv6 is counted with its neighbours`(_ address: String, _ counted: String) {
        #expect(countedAddress(address) == counted)
    }
}
