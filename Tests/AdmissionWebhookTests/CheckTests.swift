import Credentials
import Foundation
import ImageRewriting
import OCI
import Testing
import Timekeeping

@testable import AdmissionWebhook

@Suite struct CheckTests {
    private static let ociIndex = "application/vnd.oci.image.index.v1+json"
    private static let dockerList = "application/vnd.docker.distribution.manifest.list.v2+json"

    private static func index(_ platforms: String...) -> String {
        let entries = platforms.map { text in
            let parts = text.split(separator: "/")
            let variant = parts.count > 2 ? #","variant":"\#(parts[2])""# : ""
            return #"{"platform":{"os":"\#(parts[0])","architecture":"\#(parts[1])"\#(variant)}}"#
        }
        return #"{"schemaVersion":2,"manifests":[\#(entries.joined(separator: ","))]}"#
    }

    // MARK: Platforms

    @Test(arguments: [
        (ociIndex, index("linux/amd64", "linux/arm64/v8"), ["linux/amd64", "linux/arm64"], true),
        (dockerList, index("linux/amd64"), ["linux/amd64"], true),
        (dockerList, index("linux/amd64"), ["linux/amd64", "linux/arm64"], false),
        (ociIndex, index("windows/amd64"), ["linux/amd64"], false), (ociIndex, index(), ["linux/amd64"], false),
        (ociIndex, #"{"manifests":[{},{"platform":7}]}"#, ["linux/amd64"], false),
        (ociIndex, "no JSON", ["linux/amd64"], false),
        ("application/vnd.oci.image.manifest.v1+json", "{}", ["linux/arm64"], true),
        ("application/vnd.docker.distribution.manifest.v1+prettyjws", "{}", ["linux/arm64"], true),
        ("application/something", "no JSON", ["linux/arm64"], true),
        ("text/plain", #"{"mediaType":"\#(ociIndex)","manifests":[]}"#, ["linux/arm64"], false),
    ])
    func `an index has to list every platform, and every other kind is good as it is`(
        _ type: String, _ body: String, _ platforms: [String], _ isGood: Bool
    ) {
        let manifest = ProbedManifest(mediaType: MediaType(type), bytes: Array(body.utf8))
        let problem = PlatformCoverage.problem(of: manifest, platforms: platforms.compactMap { Platform($0) })
        #expect((problem == nil) == isGood, "\(problem ?? "")")
    }

    // MARK: Order

    @Test func `the first rule whose result is there has the image, and the rewritten place is asked`() async throws {
        let probe = FakeProbe { $0.image.hasPrefix("second.corp/") ? .found() : .missing }
        let webhook = try TestWebhook(
            [
                .harbor("1", "^docker.io/", replace: "first.corp/hub", checkUpstream: true),
                .harbor("2", "^docker.io/", replace: "second.corp/hub", checkUpstream: true),
                .harbor("3", "^docker.io/", replace: "third.corp/hub"),
            ], probe: probe)
        let object = Review.pod(["nginx"])
        let result = try await webhook.mutated(Review(object: object)).applied(to: object)
        #expect("\(result)".contains("second.corp/hub/library/nginx:latest"))
        #expect(
            probe.questions.map(\.image) == [
                "first.corp/hub/library/nginx:latest", "second.corp/hub/library/nginx:latest",
            ])
        #expect(
            probe.questions.allSatisfy { $0.needsContent }, "the default is linux/amd64, which an index has to list")
    }

    @Test func `a rule whose check cannot be made leaves the image to the next`() async throws {
        let probe = FakeProbe { _ in .error(.unavailable(reason: "down")) }
        let webhook = try TestWebhook(
            [
                .harbor("1", "^docker.io/", replace: "first.corp", checkUpstream: true),
                .harbor("2", "^docker.io/", replace: "second.corp"),
            ], probe: probe, failure: .closed)
        let object = Review.pod(["nginx"])
        let answer = try await webhook.mutated(Review(object: object))
        #expect(answer.isAllowed)
        #expect("\(try answer.applied(to: object))".contains("second.corp/library/nginx:latest"))
    }

    @Test(arguments: WebhookSettings.FailureMode.allCases)
    func `an image that is not there stays, whatever the mode of failure`(
        _ failure: WebhookSettings.FailureMode
    ) async throws {
        let webhook = try TestWebhook(
            [.weir(check: UpstreamCheck(platforms: []))], probe: FakeProbe { _ in .missing }, failure: failure)
        let answer = try await webhook.mutated(Review(object: Review.pod(["nginx", "nginx"])))
        #expect(answer.isAllowed)
        #expect(answer.patch == nil)
        #expect(answer.warnings == ["weir: nginx stays: weir.corp:5000/docker.io/library/nginx: it is not there"])
    }

    @Test func `without platforms a HEAD is enough`() async throws {
        let probe = FakeProbe { _ in .found() }
        let webhook = try TestWebhook([.weir(check: UpstreamCheck(platforms: []))], probe: probe)
        #expect(try await webhook.mutated(Review(object: Review.pod(["nginx"]))).patch != nil)
        #expect(probe.questions.map(\.needsContent) == [false])
    }

    // MARK: Failures

    @Test(.timeLimit(.minutes(1))) func `a registry that is slow costs no more than the budget`() async throws {
        let probe = FakeProbe { _ in .never }
        let webhook = try TestWebhook(
            [.weir(check: UpstreamCheck(platforms: []))], probe: probe, budget: .milliseconds(50))
        let start = ContinuousClock.now
        let images = (0..<200).map { "nginx:\($0)" }
        let answer = try await webhook.mutated(Review(object: Review.pod(images)))
        #expect(ContinuousClock.now - start < .seconds(5))
        #expect(answer.isAllowed)
        #expect(answer.patch == nil)
        #expect(answer.warnings.count == 8)
        #expect(probe.questions.count <= 64, "no more checks at one time than that")
    }

    @Test func `closed, a pod whose image cannot be checked is refused for now`() async throws {
        let webhook = try TestWebhook(
            [.weir(check: UpstreamCheck(platforms: []))],
            probe: FakeProbe { _ in .error(.unavailable(reason: "down")) },
            failure: .closed)
        let answer = try await webhook.mutated(Review(object: Review.pod(["nginx", "other.corp/a"])))
        #expect(!answer.isAllowed)
        #expect(answer.code == 503)
        #expect(answer.message?.contains("down") == true)
        #expect(answer.patch == nil)
        #expect(try await webhook.mutated(Review(object: Review.pod(["other.corp/a"]))).isAllowed)
    }

    @Test func `an API server that waits less is answered earlier`() async throws {
        let webhook = try TestWebhook(
            [.weir(check: UpstreamCheck(platforms: []))], probe: FakeProbe { _ in .never }, budget: .seconds(3600))
        let answer = try await webhook.mutated(Review(object: Review.pod(["nginx"])), within: .milliseconds(50))
        #expect(answer.isAllowed && answer.patch == nil && answer.warnings.count == 1)
    }

    // MARK: Memory

    @Test func `answers are remembered for their time, and no longer`() async throws {
        let probe = FakeProbe { $0.image.contains("nginx") ? .found() : .missing }
        let webhook = try TestWebhook(
            [.weir(check: UpstreamCheck(platforms: []))], probe: probe,
            checks: .init(timeout: .seconds(60), positive: .seconds(600), negative: .seconds(30)))
        let review = Review(object: Review.pod(["nginx", "redis"]))
        func asked() async throws -> Int {
            _ = try await webhook.mutated(review)
            return probe.questions.count
        }
        #expect(try await asked() == 2)
        #expect(try await asked() == 2)
        webhook.clock.advance(by: .seconds(31))
        #expect(try await asked() == 3, "what was not there")
        webhook.clock.advance(by: .seconds(570))
        #expect(try await asked() == 5)
    }

    @Test func `many who ask at once cause one question`() async throws {
        let probe = FakeProbe { _ in .found() }
        let webhook = try TestWebhook([.weir(check: UpstreamCheck(platforms: []))], probe: probe)
        try await withThrowingTaskGroup(of: Bool.self) { group in
            for _ in 0..<50 {
                group.addTask { try await webhook.mutated(Review(object: Review.pod(["nginx"]))).patch != nil }
            }
            for try await isPatched in group { #expect(isPatched) }
        }
        #expect(probe.questions.count == 1)
    }

    @Test func `outcomes are bounded in number, the oldest going first`() {
        var table = OutcomeTable<Int, Int, Int>(limit: 3, flightLimit: 2)
        let now = Timestamp(seconds: 0)
        for key in 0..<5 {
            guard case .leader = table.ask(key, as: key, at: now) else {
                Issue.record("\(key) is the first to ask")
                return
            }
            let waiters = table.finish(key, key, keptFor: .seconds(10), at: now)
            #expect(waiters == [key])
        }
        #expect(table.count == 3)
        #expect((0..<5).map { table.known($0, at: now) } == [nil, nil, 2, 3, 4])
        #expect(table.known(4, at: now + .seconds(10)) == nil)
        for _ in 0..<100 { _ = table.finish(2, 2, keptFor: .seconds(10), at: now) }
        #expect(table.count <= 3)
        for key in [7, 8] { _ = table.ask(key, as: 0, at: now) }
        guard case .full = table.ask(9, as: 0, at: now) else {
            Issue.record("two at one time are enough")
            return
        }
        guard case .follower = table.ask(8, as: 0, at: now) else {
            Issue.record("the eighth is under way")
            return
        }
    }

    // MARK: Credentials

    private static let secret = #"""
        {"auths":{"https://index.docker.io/v1/":{"auth":"aHViOnB3"},"harbor.corp/team":{"username":"t","password":"p"},\
        "harbor.corp":{"auth":"dTpwOjE="},"ghcr\\.io/.*":{"identitytoken":"tok"},"broken":{"auth":"!!"}}}
        """#.replacingOccurrences(of: "\\\n", with: "")

    @Test(arguments: [
        ("nginx", AccountCredentials?.some(.basic(username: "hub", password: "pw")), nil as AccountCredentials?),
        ("harbor.corp/a/b:1", .basic(username: "u", password: "p:1"), nil),
        ("harbor.corp/team/b:1", .basic(username: "t", password: "p"), nil),
        ("harbor.corp/teams/b:1", .basic(username: "u", password: "p:1"), nil),
        ("xharbor.corp/a", nil, .basic(username: "u", password: "p:1")),
        ("ghcr.io/a/b", nil, .refreshToken("tok")), ("quay.io/a/b", nil, nil),
    ])
    func `an account is found by its registry, and by harbor's patterns where that is meant`(
        _ image: String, _ byHost: AccountCredentials?, _ byPattern: AccountCredentials?
    ) throws {
        let config = try DockerConfig(Array(Self.secret.utf8))
        let reference = try ImageReference(image)
        #expect(config.credentials(for: reference, takesKeysAsPatterns: false) == byHost)
        #expect(config.credentials(for: reference, takesKeysAsPatterns: true) == byHost ?? byPattern)
    }

    @Test(arguments: ["", "[]", "{}", #"{"auths":[]}"#, #"{"auths":null}"#])
    func `a secret without accounts says so`(_ text: String) {
        #expect(throws: DockerConfigError.self) { try DockerConfig(Array(text.utf8)) }
    }

    @Test func `the named secret is used for the check, from Weir's own namespace`() async throws {
        let probe = FakeProbe { _ in .found() }
        let webhook = try TestWebhook(
            [.harbor("1", "^docker.io/", replace: "harbor.corp/hub", checkUpstream: true, secret: "check")],
            probe: probe, secrets: FakeSecrets(["weir/check": Self.secret, "shop/check": "{}"]))
        _ = try await webhook.mutated(Review(object: Review.pod(["nginx"])))
        #expect(probe.questions.map(\.credentials) == [.basic(username: "u", password: "p:1")])
    }

    @Test(arguments: [nil, "no JSON", "{}"])
    func `a secret that is missing or malformed finds nothing out, and tells nothing of its content`(
        _ content: String?
    ) async throws {
        let webhook = try TestWebhook(
            [.harbor("1", "^docker.io/", replace: "harbor.corp", checkUpstream: true, secret: "check")],
            secrets: FakeSecrets(content.map { ["weir/check": $0] } ?? [:]))
        let answer = try await webhook.mutated(Review(object: Review.pod(["nginx"])))
        #expect(answer.patch == nil)
        #expect(answer.warnings.first?.contains("weir/check") == true, "\(answer.warnings)")
    }

    @Test func `the pod's own secrets are tried one after the other`() async throws {
        let probe = FakeProbe { asked in
            asked.credentials == .basic(username: "u", password: "p:1")
                ? .found() : .error(.refused(reason: "401"))
        }
        let other = #"{"auths":{"harbor.corp":{"username":"x","password":"y"}}}"#
        let webhook = try TestWebhook(
            [.harbor("1", "^docker.io/", replace: "harbor.corp", checkUpstream: true)], probe: probe,
            secrets: FakeSecrets(["shop/b": Self.secret, "shop/a": other]), triesPodSecrets: true)
        let object = Review.pod(
            ["nginx"], spec: #","imagePullSecrets":[{"name":"gone"},{"name":"../x"},{"name":"a"},{"name":"b"}]"#)
        #expect(try await webhook.mutated(Review(object: object)).patch != nil)
        #expect(probe.questions.count == 2)
    }

    @Test func `a pod's secret that cannot be read leaves open what another account does not see`() async throws {
        let probe = FakeProbe { $0.credentials == nil ? .error(.refused(reason: "401")) : .missing }
        func verdict(_ secrets: FakeSecrets, _ names: String) async throws -> Answered {
            try await TestWebhook(
                [.harbor("1", "^docker.io/", replace: "harbor.corp", checkUpstream: true)], probe: probe,
                secrets: secrets, failure: .closed, triesPodSecrets: true
            ).mutated(Review(object: Review.pod(["nginx"], spec: #","imagePullSecrets":[\#(names)]"#)))
        }
        #expect(try await verdict(FakeSecrets(), #"{"name":"gone"}"#).isAllowed, "no secret is one to wait for")
        let down = FakeSecrets(["shop/b": Self.secret], unavailable: ["shop/a"])
        for names in [#"{"name":"a"}"#, #"{"name":"a"},{"name":"b"}"#, #"{"name":"b"},{"name":"a"}"#] {
            #expect(try await verdict(down, names).code == 503, "\(names)")
        }
    }

    @Test func `an account that could not be asked by leaves open what another does not see`() async throws {
        let probe = FakeProbe { asked in
            asked.credentials == .basic(username: "u", password: "p:1")
                ? .error(.unavailable(reason: "slow")) : .missing
        }
        let other = #"{"auths":{"harbor.corp":{"username":"x","password":"y"}}}"#
        for secrets in [["shop/a": Self.secret, "shop/b": other], ["shop/a": other, "shop/b": Self.secret]] {
            let webhook = try TestWebhook(
                [.harbor("1", "^docker.io/", replace: "harbor.corp", checkUpstream: true)], probe: probe,
                secrets: FakeSecrets(secrets), failure: .closed, triesPodSecrets: true)
            let object = Review.pod(["nginx"], spec: #","imagePullSecrets":[{"name":"a"},{"name":"b"}]"#)
            #expect(try await webhook.mutated(Review(object: object)).code == 503)
        }
    }

    @Test func `a pod's secret that is called as the rule's is its own, and need not be there`() async throws {
        let webhook = try TestWebhook(
            [.harbor("1", "^docker.io/", replace: "harbor.corp", checkUpstream: true, secret: "check")],
            secrets: FakeSecrets(["weir/check": Self.secret]), triesPodSecrets: true)
        let object = Review.pod(["nginx"], spec: #","imagePullSecrets":[{"name":"check"}]"#)
        #expect(try await webhook.mutated(Review(object: object)).patch != nil)
    }
}
