import Foundation
import ImageRewriting
import Testing

@testable import AdmissionWebhook

@Suite struct ValidationTests {
    private static let digest = "@sha256:" + String(repeating: "a", count: 64)

    private func validated(
        _ policy: ImagePolicy, _ image: String, operation: String = "CREATE", old: String? = nil,
        namespace: String = "shop", metadata: String = #""name":"a""#
    ) throws -> Answered {
        try TestWebhook([.weir()], policy: policy).validated(
            Review(
                operation: operation, namespace: namespace, object: Review.pod([image], metadata: metadata),
                oldObject: old.map { Review.pod([$0]) }))
    }

    @Test(arguments: [
        ("weir.corp:5000/docker.io/library/nginx", true), ("nginx", true), ("ghcr.io/a/b", false),
        ("weir.corp:5000/ghcr.io/a/b", false), ("evil.example/a", false), ("docker.io.evil.example/a", false),
        ("NOT A REFERENCE", false), ("weir.corp:5000/quay.io/a", true),
    ])
    func `registries are judged by what is pulled in the end, through Weir or not`(
        _ image: String, _ isAllowed: Bool
    ) throws {
        let policy = ImagePolicy(
            allowedRegistries: [try Matcher("docker.io"), try Matcher("quay.io")],
            deniedRegistries: [try Matcher("ghcr.io")])
        let answer = try validated(policy, image)
        #expect(answer.isAllowed == isAllowed, "\(answer.message ?? "")")
        #expect(answer.code == (isAllowed ? nil : 403))
        #expect(answer.patch == nil)
    }

    @Test(arguments: [
        ("nginx", true, true), ("nginx:latest", true, true), ("nginx:1.27.3", false, true),
        ("nginx:latest" + digest, false, false), ("nginx" + digest, false, false),
    ])
    func `moving tags and missing digests are told apart`(_ image: String, _ moves: Bool, _ lacks: Bool) throws {
        #expect(try validated(ImagePolicy(movingTags: .deny), image).isAllowed == !moves)
        #expect(try validated(ImagePolicy(missingDigests: .deny), image).isAllowed == !lacks)
        let warned = try validated(ImagePolicy(movingTags: .warn, missingDigests: .warn), image)
        #expect(warned.isAllowed)
        #expect(warned.warnings.count == (moves ? 1 : 0) + (lacks ? 1 : 0))
    }

    @Test func `a warning is no denial`() throws {
        let policy = ImagePolicy(deniedRegistries: [try Matcher("*")], registryAction: .warn)
        let answer = try validated(policy, "nginx")
        #expect(answer.isAllowed)
        #expect(answer.warnings == ["weir: nginx: images from 'docker.io' are denied"])
    }

    @Test func `what is there already is not judged when something else changes`() throws {
        let policy = ImagePolicy(missingDigests: .deny)
        #expect(try validated(policy, "nginx", operation: "UPDATE", old: "nginx").isAllowed)
        #expect(try !validated(policy, "nginx:2", operation: "UPDATE", old: "nginx").isAllowed)
    }

    @Test(arguments: [
        #""annotations":{"weir/rewrite":"false"}"#, #""annotations":{"kubernetes.io/config.mirror":"x"}"#,
        #""labels":{"goharbor.io/harbor-container-webhook-disable":"true"}"#,
    ])
    func `opting out of being rewritten is no way around a policy`(_ metadata: String) throws {
        #expect(try !validated(ImagePolicy(missingDigests: .deny), "nginx", metadata: metadata).isAllowed)
    }

    @Test(arguments: ["kube-system", "weir"])
    func `excluded namespaces are not judged`(_ namespace: String) throws {
        #expect(try validated(ImagePolicy(missingDigests: .deny), "nginx", namespace: namespace).isAllowed)
    }

    @Test func `a message is bounded`() throws {
        let images = (0..<500).map { "nginx:\($0)" + String(repeating: "x", count: 100) }
        let answer = try TestWebhook([.weir()], policy: ImagePolicy(missingDigests: .deny)).validated(
            Review(object: Review.pod(images)))
        #expect(!answer.isAllowed)
        #expect((answer.message?.utf8.count ?? 0) <= 2048)
    }

    @Test func `without a policy everything is allowed`() throws {
        #expect(try validated(ImagePolicy(), "NOT A REFERENCE").isAllowed)
    }
}
