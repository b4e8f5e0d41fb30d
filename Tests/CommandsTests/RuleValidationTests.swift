import ControlServer
import Credentials
import Logging
import NIOCore
import OCI
import RegistryTestKit
import Rules
import Synchronization
import Testing
import Timekeeping
import UpstreamClient

@testable import Commands

@Suite(.timeLimit(.minutes(2)))
struct RuleValidationTests {
    private func validate(
        usesTLS: Bool = false, host: String? = nil, credentials: AccountCredentials = .anonymous,
        image: String? = "team/app:1", _ prepare: (TestRegistry) async throws -> Void = { _ in }
    ) async throws -> [RuleValidationDocument.Step] {
        try await TestRegistry.withRunning { registry in
            registry.addSingleImage(repository: "team/app", tag: "1", layerSizes: [10])
            try await prepare(registry)
            let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
            var configuration = UpstreamClient.Configuration(
                name: "lab", usesTLS: usesTLS, host: try RegistryHost(host ?? registry.authority))
            configuration.attempts = 1
            configuration.connectTimeout = .seconds(2)
            let transport = UpstreamTransport(proxy: ProxySettings(), logger: quiet)
            let hasToldLimit = Mutex(false)
            let client = UpstreamClient(
                configuration: configuration, credentials: FixedCredentials(credentials), transport: transport,
                clock: ManualWallClock(), logger: quiet
            ).reporting { report in
                if report.limits != nil { hasToldLimit.withLock { $0 = true } }
            }
            let validation = RuleValidation(
                rule: Rule(name: try RuleName("lab"), host: try registry.host), configuration: configuration,
                upstream: client, hasAccount: credentials != .anonymous, image: image.flatMap { KnownImage.parse($0) },
                greeting: UpstreamGreeting(
                    configuration: configuration, transport: transport, clock: ManualWallClock(), logger: quiet),
                limits: { hasToldLimit.withLock(\.self) ? ["told"] : [] })
            let steps = await validation.steps()
            try await transport.shutdown()
            return steps
        }
    }

    private func outcomes(_ steps: [RuleValidationDocument.Step]) -> [String] {
        steps.map { "\($0.name) \($0.outcome.rawValue)" }
    }

    @Test func `an open registry works, and tells its limit`() async throws {
        let steps = try await validate { $0.rateLimit = RateLimit(limit: 10, remaining: 7) }
        #expect(outcomes(steps) == ["name ok", "connection ok", "login skipped", "image ok", "quota ok"])
        #expect(steps.last?.detail == "told")
        #expect(steps.allSatisfy { $0.advice == nil })
    }

    @Test func `an account that is accepted is told, and one that is not`() async throws {
        var settings = TokenAuthority.Settings()
        settings.accounts = ["alice": "right"]
        let authority = TokenAuthority(settings)
        let accepted = try await validate(credentials: .basic(username: "alice", password: "right")) {
            $0.access = .bearer(authority)
        }
        #expect(accepted.first { $0.name == "login" }?.detail == "the account is accepted")
        let refused = try await validate(credentials: .basic(username: "alice", password: "wrong")) {
            $0.access = .bearer(authority)
        }
        #expect(
            outcomes(refused) == ["name ok", "connection ok", "login failed", "image skipped", "quota skipped"])
        #expect(refused[2].advice?.contains("check user and password") == true)
    }

    @Test func `an image that is not there is no matter of logins`() async throws {
        let steps = try await validate(image: "team/none:1")
        #expect(outcomes(steps) == ["name ok", "connection ok", "login skipped", "image failed", "quota ok"])
        let unknown = try await validate(image: nil)
        #expect(
            outcomes(unknown) == ["name ok", "connection ok", "login skipped", "image skipped", "quota skipped"])
    }

    @Test func `a realm elsewhere, plain HTTP, a closed port and an unknown name each have their advice`() async throws
    {
        let realm = try await validate {
            $0.access = .bearer(TokenAuthority(), realm: "https://auth.elsewhere.example/token")
        }
        #expect(outcomes(realm)[2] == "login failed")
        #expect(realm[2].advice?.contains("trustedRealms") == true)
        let plain = try await validate(usesTLS: true)
        #expect(outcomes(plain)[1] == "connection failed")
        #expect(plain[1].advice?.contains("http://") == true, "\(plain[1])")
        let closed = try await validate { await $0.goDown() }
        #expect(outcomes(closed)[1] == "connection failed")
        #expect(closed[1].advice?.contains("firewall") == true)
        let unknown = try await validate(host: "no-such-name.invalid:5000")
        #expect(
            outcomes(unknown)
                == ["name failed", "connection skipped", "login skipped", "image skipped", "quota skipped"])
    }

    @Test(
        arguments: [
            ("library/alpine", "library/alpine latest"), ("a/b:1.2", "a/b 1.2"), ("A/b", nil), ("a:b:c", nil),
            ("", nil),
        ] as [(String, String?)])
    func `an image to try is named without its registry`(_ text: String, _ parsed: String?) {
        #expect(KnownImage.parse(text).map { "\($0.repository) \($0.reference)" } == parsed)
    }

    @Test func `every well-known registry has an image to try it with`() {
        for registry in WellKnownRegistry.all { #expect(KnownImage.of(registry.host) != nil, "\(registry.host)") }
    }

    @Test func `what was found out is told step by step`() {
        let steps: [RuleValidationDocument.Step] = [
            .init("name", .ok, "192.0.2.1"), .init("connection", .failed, "no connection in time", advice: "check it"),
            .init("login", .skipped, "not tried, since an earlier step failed"),
        ]
        let document = RuleValidationDocument(rule: "lab", upstream: "http://lab", steps: steps)
        #expect(
            ValidateRulesCommand.text([document]) == """
                lab (http://lab): does not work
                  name        ok      192.0.2.1
                  connection  FAILED  no connection in time
                                      check it
                  login       -       not tried, since an earlier step failed

                """)
    }
}
