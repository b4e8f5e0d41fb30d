import Foundation
import ImageRewriting
import Testing

@testable import AdmissionWebhook

/// The rules that harbor-container-webhook's own documentation and chart give as examples.
@Suite struct HarborExampleTests {
    private static func rules() throws -> [RewriteRule] {
        [
            try .harbor(
                "docker.io rewrite rule", "^docker.io", excludes: ["^docker.io/(library/)?ubuntu:.*$"],
                replace: "harbor.example.com/dockerhub-proxy", checkUpstream: false),
            try .harbor(
                "docker.io ubuntu rewrite rule", "^docker.io/(library/)?ubuntu:.*$",
                replace: "harbor.example.com/ubuntu-proxy", checkUpstream: true,
                platforms: ["linux/amd64", "linux/arm64"]),
        ]
    }

    @Test(arguments: [
        ("nginx", "harbor.example.com/dockerhub-proxy/library/nginx:latest"),
        ("nginx:1.27", "harbor.example.com/dockerhub-proxy/library/nginx:1.27"),
        ("bitnami/redis:7", "harbor.example.com/dockerhub-proxy/bitnami/redis:7"),
        ("docker.io/library/nginx:1", "harbor.example.com/dockerhub-proxy/library/nginx:1"),
        ("index.docker.io/library/nginx:1", "harbor.example.com/dockerhub-proxy/library/nginx:1"),
        (
            "nginx:1@sha256:" + String(repeating: "b", count: 64),
            "harbor.example.com/dockerhub-proxy/library/nginx@sha256:" + String(repeating: "b", count: 64)
        ),
        ("ubuntu:24.04", "harbor.example.com/ubuntu-proxy/library/ubuntu:24.04"),
        ("ubuntu", "harbor.example.com/ubuntu-proxy/library/ubuntu:latest"), ("quay.io/a/b:1", "quay.io/a/b:1"),
        ("gcr.io/pause:3", "gcr.io/pause:3"),
    ])
    func `the documented rules have their documented result`(_ image: String, _ expected: String) async throws {
        let index = #"""
            {"manifests":[{"platform":{"os":"linux","architecture":"amd64"}},\#
            {"platform":{"os":"linux","architecture":"arm64","variant":"v8"}}]}
            """#
        let probe = FakeProbe { _ in .found(mediaType: "application/vnd.oci.image.index.v1+json", index) }
        let object = Review.pod([image], spec: #","initContainers":[{"name":"i","image":"\#(image)"}]"#)
        let result = try await TestWebhook(Self.rules(), probe: probe).mutated(Review(object: object)).applied(
            to: object)
        let spec = try #require(result["spec"] as? [String: Any])
        for list in ["containers", "initContainers"] {
            #expect((spec[list] as? [[String: Any]])?.first?["image"] as? String == expected)
        }
    }

    @Test func `an image that is not there for every platform stays`() async throws {
        let index = #"{"manifests":[{"platform":{"os":"linux","architecture":"amd64"}}]}"#
        let probe = FakeProbe { _ in .found(mediaType: "application/vnd.oci.image.index.v1+json", index) }
        let answer = try await TestWebhook(Self.rules(), probe: probe).mutated(
            Review(object: Review.pod(["ubuntu:24.04"])))
        #expect(answer.patch == nil)
        #expect(answer.warnings.first?.hasSuffix("it is not there for linux/arm64") == true)
    }
}
