import Foundation
import ImageRewriting
import Testing

@testable import AdmissionWebhook

@Suite struct MutationTests {
    private static let digest = "sha256:" + String(repeating: "a", count: 64)

    @Test func `a pod's images are rewritten wherever they stand, and nothing else changes`() async throws {
        let spec = """
            ,"initContainers":[{"name":"init","image":"ghcr.io/a/b@\(Self.digest)","command":["a\\u00e9\\/b"]}],\
            "volumes":[{"name":"t","emptyDir":{}},{"name":"m","image":{"reference":"quay.io/x/m:1","pullPolicy":"Always"}}]
            """
        let object = Review.pod(
            ["nginx:1.27@\(Self.digest)", "redis"], spec: spec, metadata: #""generateName":"web-","labels":{"a":"b"}"#)
        let answer = try await TestWebhook([.weir()]).mutated(Review(object: object))
        #expect(answer.isAllowed)
        #expect(answer.uid == "705ab4f5-6393-11e8-b7cc-42010a800002")
        #expect(answer.warnings == [])
        let expected =
            object
            .replacingOccurrences(of: "\"nginx:", with: "\"weir.corp:5000/docker.io/library/nginx:")
            .replacingOccurrences(of: "\"redis\"", with: "\"weir.corp:5000/docker.io/library/redis\"")
            .replacingOccurrences(of: "\"ghcr.io/", with: "\"weir.corp:5000/ghcr.io/")
            .replacingOccurrences(of: "\"quay.io/", with: "\"weir.corp:5000/quay.io/")
            .replacingOccurrences(
                of: #""labels":{"a":"b"}"#,
                with: #"""
                    "labels":{"a":"b"},"annotations":{"weir/original-images":"{\"containers/c0\":\"nginx:1.27@\#(Self.digest)\",\"containers/c1\":\"redis\",\"initContainers/init\":\"ghcr.io/a/b@\#(Self.digest)\",\"volumes/m\":\"quay.io/x/m:1\"}"}
                    """#)
        #expect(try isSame(answer.applied(to: object), expected))
    }

    @Test func `every image is tested before it is replaced`() async throws {
        let answer = try await TestWebhook([.weir()]).mutated(Review(object: Review.pod(["nginx"])))
        let patch = try #require(answer.patch)
        let elsewhere = try JSONSerialization.jsonObject(with: Data(Review.pod(["redis"]).utf8))
        #expect(throws: PatchApplier.Failure.self) { try PatchApplier.apply(patch, to: elsewhere) }
    }

    @Test(arguments: ["other.corp/a:1", "weir.corp:5000/docker.io/library/nginx", "weir.corp:5000/anything"])
    func `what no rule changes gets no patch`(_ image: String) async throws {
        let answer = try await TestWebhook([.weir()]).mutated(Review(object: Review.pod([image])))
        #expect(answer.isAllowed)
        #expect(answer.patch == nil)
        #expect(answer.warnings == [])
    }

    @Test func `asked again, nothing changes`() async throws {
        let webhook = try TestWebhook([.weir(pullSecrets: ["weir-pull"])])
        let object = Review.pod(["nginx:1", "redis"])
        let first = try await webhook.mutated(Review(object: object)).applied(to: object)
        let again = String(decoding: try JSONSerialization.data(withJSONObject: first), as: UTF8.self)
        let second = try await webhook.mutated(Review(object: again))
        #expect(second.patch == nil)
        #expect(second.isAllowed)
    }

    @Test func `a container that another webhook adds is rewritten when asked again, beside the earlier record`()
        async throws
    {
        let webhook = try TestWebhook([.weir()])
        let object = Review.pod(
            ["weir.corp:5000/docker.io/library/nginx", "envoy"],
            metadata: #""annotations":{"weir/original-images":"{\"containers/c0\":\"nginx\"}"}"#)
        let result = try await webhook.mutated(Review(object: object)).applied(to: object)
        let annotations = (result["metadata"] as? [String: Any])?["annotations"] as? [String: String]
        #expect(annotations?["weir/original-images"] == #"{"containers/c0":"nginx","containers/c1":"envoy"}"#)
    }

    // MARK: Updates

    @Test func `of an update only images that it changes are rewritten, in containers and init containers`()
        async throws
    {
        let rest =
            #","initContainers":[{"name":"i","image":"IMAGE"}],"volumes":[{"name":"m","image":{"reference":"IMAGE"}}],"#
            + #""ephemeralContainers":[{"name":"e","image":"IMAGE"}]"#
        let old = Review.pod(
            ["nginx:1", "redis:1"], spec: rest.replacingOccurrences(of: "IMAGE", with: "quay.io/a/b:1"))
        let new = Review.pod(
            ["nginx:1", "redis:2"], spec: rest.replacingOccurrences(of: "IMAGE", with: "quay.io/a/b:2"))
        let webhook = try TestWebhook([.weir(pullSecrets: ["weir-pull"])])
        let result = try await webhook.mutated(Review(operation: "UPDATE", object: new, oldObject: old))
            .applied(to: new)
        let spec = try #require(result["spec"] as? [String: Any])
        let images = { (key: String) in (spec[key] as? [[String: Any]])?.compactMap { $0["image"] as? String } }
        #expect(images("containers") == ["nginx:1", "weir.corp:5000/docker.io/library/redis:2"])
        #expect(images("initContainers") == ["weir.corp:5000/quay.io/a/b:2"])
        #expect(images("ephemeralContainers") == ["quay.io/a/b:2"])
        #expect(spec["imagePullSecrets"] == nil)
        let volume = (spec["volumes"] as? [[String: Any]])?.first?["image"] as? [String: String]
        #expect(volume == ["reference": "quay.io/a/b:2"])
    }

    @Test func `a label changed on a pod from before the webhook restarts nothing`() async throws {
        let old = Review.pod(["nginx"])
        let new = Review.pod(["nginx"], metadata: #""name":"web","labels":{"a":"b"}"#)
        let answer = try await TestWebhook([.weir()]).mutated(
            Review(operation: "UPDATE", object: new, oldObject: old))
        #expect(answer.patch == nil)
    }

    @Test func `kubectl debug gets its new container rewritten, and what was there stays`() async throws {
        let old = Review.pod(["nginx"], spec: #","ephemeralContainers":[{"name":"d1","image":"busybox"}]"#)
        let new = Review.pod(
            ["nginx"],
            spec: #","ephemeralContainers":[{"name":"d1","image":"busybox"},{"name":"d2","image":"alpine:3"}]"#)
        let answer = try await TestWebhook([.weir(pullSecrets: ["s"])]).mutated(
            Review(operation: "UPDATE", subResource: "ephemeralcontainers", object: new, oldObject: old))
        let expected = new.replacingOccurrences(
            of: "\"alpine:3\"", with: "\"weir.corp:5000/docker.io/library/alpine:3\"")
        #expect(try isSame(answer.applied(to: new), expected), "neither annotations nor secrets may change here")
        #expect(answer.auditAnnotations == ["original-images": "ephemeralContainers/d2=alpine:3"])
    }

    @Test(arguments: ["DELETE", "CONNECT"])
    func `nothing is changed of what is not made or updated`(_ operation: String) async throws {
        let answer = try await TestWebhook([.weir()]).mutated(
            Review(operation: operation, object: "null", oldObject: Review.pod(["nginx"])))
        #expect(answer.isAllowed && answer.patch == nil)
    }

    @Test(arguments: ["status", "binding", "exec", "resize"])
    func `other subresources are left alone`(_ name: String) async throws {
        let answer = try await TestWebhook([.weir()]).mutated(
            Review(operation: "UPDATE", subResource: name, object: Review.pod(["nginx"]), oldObject: Review.pod(["a"])))
        #expect(answer.isAllowed && answer.patch == nil)
    }

    // MARK: Opting out

    @Test(arguments: [
        #""annotations":{"weir/rewrite":"false"}"#, #""annotations":{"weir/rewrite":"disabled"}"#,
        #""labels":{"goharbor.io/harbor-container-webhook-disable":"true"}"#,
        #""annotations":{"kubernetes.io/config.mirror":"1234"}"#,
    ])
    func `a pod can opt out`(_ metadata: String) async throws {
        let answer = try await TestWebhook([.weir()]).mutated(Review(object: Review.pod(["nginx"], metadata: metadata)))
        #expect(answer.patch == nil)
    }

    @Test(arguments: [
        #""annotations":{"weir/rewrite":"true"}"#, #""annotations":{"weir/rewrite":7}"#, #""annotations":null"#,
        #""labels":{"goharbor.io/harbor-container-webhook-disable":"false"}"#, #""annotations":["x"]"#,
    ])
    func `other values do not opt out`(_ metadata: String) async throws {
        let answer = try await TestWebhook([.weir()]).mutated(Review(object: Review.pod(["nginx"], metadata: metadata)))
        #expect(answer.patch != nil)
    }

    @Test(arguments: ["weir", "kube-system"])
    func `Weir's own namespace and the system's are left alone`(_ namespace: String) async throws {
        let answer = try await TestWebhook([.weir()]).mutated(
            Review(namespace: namespace, object: Review.pod(["nginx"])))
        #expect(answer.patch == nil)
    }

    // MARK: Rules

    @Test func `rules may ask for namespace and labels`() async throws {
        let rule = RewriteRule.template(
            try TemplateRule(
                match: .init(namespace: [Matcher("team-*")], labels: ["tier": [Matcher("web")]]),
                replacement: try Replacement("mirror.corp/{repository}")), name: "team")
        let webhook = try TestWebhook([rule])
        let cases: [(String, String, Bool)] = [
            ("team-a", "web", true), ("team-a", "db", false), ("other", "web", false), ("team-b", "web", true),
        ]
        for (namespace, tier, isRewritten) in cases {
            let object = Review.pod(["nginx:1"], metadata: #""labels":{"tier":"\#(tier)"}"#)
            let answer = try await webhook.mutated(Review(namespace: namespace, object: object))
            #expect((answer.patch != nil) == isRewritten, "\(namespace) \(tier)")
        }
    }

    @Test func `without a namespace in the request the pod's own counts`() async throws {
        let object = Review.pod(["nginx"], metadata: #""name":"a","namespace":"kube-system""#)
        let answer = try await TestWebhook([.weir()]).mutated(Review(namespace: nil, object: object))
        #expect(answer.patch == nil)
    }

    // MARK: Secrets

    @Test func `a pod gets the secrets that its images need, each once`() async throws {
        let webhook = try TestWebhook([.weir(pullSecrets: ["weir-pull", "own"])])
        let cases: [(String, [String])] = [
            ("", ["weir-pull", "own"]), (#","imagePullSecrets":null"#, ["weir-pull", "own"]),
            (#","imagePullSecrets":[]"#, ["weir-pull", "own"]),
            (#","imagePullSecrets":[{"name":"own"}]"#, ["own", "weir-pull"]),
            (#","imagePullSecrets":[{"name":"weir-pull"},{},{"name":"own"}]"#, ["weir-pull", "", "own"]),
        ]
        for (spec, expected) in cases {
            let object = Review.pod(["nginx", "redis"], spec: spec)
            let result = try await webhook.mutated(Review(object: object)).applied(to: object)
            let secrets = (result["spec"] as? [String: Any])?["imagePullSecrets"] as? [[String: String]]
            #expect(secrets?.map { $0["name"] ?? "" } == expected, "\(spec)")
        }
        let object = Review.pod(["other.corp/a"])
        #expect(try await webhook.mutated(Review(object: object)).patch == nil)
    }

    @Test func `secrets are copied for a pod, and never for a dry run`() async throws {
        let secrets = FakeSecrets()
        let webhook = try TestWebhook(
            [.weir(pullSecrets: ["weir-pull"])], secrets: secrets, copiesPullSecrets: true)
        let dry = try await webhook.mutated(Review(isDryRun: true, object: Review.pod(["nginx"])))
        #expect(dry.patch != nil)
        #expect(secrets.copies == [])
        let real = try await webhook.mutated(Review(object: Review.pod(["nginx"])))
        #expect(real.patch == dry.patch)
        #expect(secrets.copies == ["shop/weir-pull"])
        _ = try await webhook.mutated(Review(object: Review.pod(["redis"])))
        #expect(secrets.copies == ["shop/weir-pull"], "remembered")
    }

    @Test(arguments: WebhookSettings.FailureMode.allCases)
    func `what cannot be pulled for want of a secret stays`(_ failure: WebhookSettings.FailureMode) async throws {
        let name = PullSecretName(namespace: "shop", name: "weir-pull")
        let webhook = try TestWebhook(
            [.weir(pullSecrets: ["weir-pull"])],
            secrets: FakeSecrets(copyError: .unavailable(name, reason: "the API server refused")), failure: failure,
            copiesPullSecrets: true)
        let answer = try await webhook.mutated(Review(object: Review.pod(["nginx"])))
        #expect(answer.patch == nil)
        #expect(answer.isAllowed == (failure == .open))
        #expect(answer.code == (failure == .open ? nil : 503))
        if failure == .open { #expect(answer.warnings.count == 1) }
    }
}
