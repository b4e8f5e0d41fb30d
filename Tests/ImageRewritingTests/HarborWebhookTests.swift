import OCI
import Testing

@testable import ImageRewriting

@Suite struct HarborWebhookTests {
    static let digest = DerivedRuleTests.digest

    /// The example of its documentation.
    static func documented() throws -> ImageRewriter {
        try ImageRewriter([
            .harbor(
                try HarborWebhookRule(
                    name: "docker.io rewrite rule", matches: ["^docker.io"],
                    excludes: ["^docker.io/(library/)?ubuntu:.*$"], replace: "harbor.example.com/dockerhub-proxy")),
            .harbor(
                try HarborWebhookRule(
                    name: "docker.io ubuntu rewrite rule", matches: ["^docker.io/(library/)?ubuntu:.*$"],
                    replace: "harbor.example.com/ubuntu-proxy", checkUpstream: true,
                    authSecretName: "harbor-example-image-pull-secret")),
        ])
    }

    @Test(
        arguments: [
            ("nginx", "harbor.example.com/dockerhub-proxy/library/nginx:latest"),
            ("nginx:1.27", "harbor.example.com/dockerhub-proxy/library/nginx:1.27"),
            ("docker.io/nginx", "harbor.example.com/dockerhub-proxy/library/nginx:latest"),
            ("index.docker.io/grafana/grafana:9", "harbor.example.com/dockerhub-proxy/grafana/grafana:9"),
            ("nginx:1.27@\(digest)", "harbor.example.com/dockerhub-proxy/library/nginx@\(digest)"),
            ("ubuntu", "harbor.example.com/ubuntu-proxy/library/ubuntu:latest"),
            ("docker.io/library/ubuntu:22.04", "harbor.example.com/ubuntu-proxy/library/ubuntu:22.04"),
            // A digest has no ':' where the pattern wants one, so that the exception does not apply.
            ("ubuntu@\(digest)", "harbor.example.com/dockerhub-proxy/library/ubuntu@\(digest)"),
            // Not Docker Hub's name to Docker's parser, but the pattern begins like it.
            ("quay.io/a/b", "quay.io/a/b"), ("registry-1.docker.io/nginx", "registry-1.docker.io/nginx"),
            ("docker.iox/a", "harbor.example.com/dockerhub-proxy/a:latest"),
            ("harbor.example.com/dockerhub-proxy/library/nginx", "harbor.example.com/dockerhub-proxy/library/nginx"),
            ("nginx:", "nginx:"), ("", ""),
        ])
    func `the documented example gives the documented result`(_ image: String, _ wanted: String) throws {
        let rewriter = try Self.documented()
        #expect(rewriter.rewriting(of: image).image == wanted)
        #expect(rewriter.rewriting(of: wanted).image == wanted)
    }

    @Test func `a check comes with what its rule makes`() throws {
        let rewriting = try Self.documented().rewriting(of: "ubuntu:22.04")
        #expect(
            rewriting.candidates == [
                RewriteCandidate(
                    image: "harbor.example.com/ubuntu-proxy/library/ubuntu:22.04",
                    rule: "docker.io ubuntu rewrite rule",
                    check: UpstreamCheck(
                        platforms: [Platform(os: "linux", architecture: "amd64")],
                        secretName: "harbor-example-image-pull-secret", takesSecretKeysAsPatterns: true))
            ])
    }

    @Test func `candidates come in the rules' order, for whoever checks them`() throws {
        func rule(_ name: String, _ replace: String, checked: Bool) throws -> RewriteRule {
            .harbor(
                try HarborWebhookRule(
                    name: name, matches: [".*"], replace: replace, checkUpstream: checked,
                    platforms: ["linux/arm64", "linux/amd64"]))
        }
        let rewriter = try ImageRewriter([
            try rule("a", "h.io/a", checked: true), try rule("b", "h.io/b", checked: false),
            try rule("c", "h.io/b", checked: true), try rule("d", "h.io/d/", checked: false),
        ])
        let rewriting = rewriter.rewriting(of: "x.io/y:1")
        #expect(rewriting.candidates.map(\.image) == ["h.io/a/y:1", "h.io/b/y:1"])
        #expect(rewriting.candidates.first?.check?.platforms.map(\.description) == ["linux/arm64", "linux/amd64"])
        #expect(rewriting.candidates.last?.check == nil)
    }

    @Test func `patterns are unanchored, and see the whole normalised form`() throws {
        let rule = try HarborWebhookRule(name: "r", matches: ["library/.*:latest$", "internal"], replace: "h.io/p")
        let rewriter = try ImageRewriter([.harbor(rule)])
        #expect(rewriter.rewriting(of: "nginx").image == "h.io/p/library/nginx:latest")
        #expect(rewriter.rewriting(of: "x.internal:5000/a/b:1").image == "h.io/p/a/b:1")
        #expect(rewriter.rewriting(of: "nginx:1").image == "nginx:1")
    }

    @Test(
        arguments: [
            ("harbor.example.com/dockerhub-proxy/library/nginx:1", "docker.io/library/nginx:1"),
            ("harbor.example.com/ubuntu-proxy/library/ubuntu:22.04", "docker.io/library/ubuntu:22.04"),
            // The second rule could not have made it.
            ("harbor.example.com/ubuntu-proxy/library/nginx:1", nil), ("harbor.example.com/other/x", nil),
        ] as [(String, String?)])
    func `what can be told for sure is turned back`(_ image: String, _ original: String?) throws {
        #expect(try Self.documented().original(of: image) == original)
    }

    @Test func `a rule that cannot work is refused`() {
        #expect(throws: RewriteRuleError.pattern("(", .unclosedGroup)) {
            try HarborWebhookRule(name: "r", matches: ["("], replace: "h.io")
        }
        #expect(throws: RewriteRuleError.replacementIsEmpty) {
            try HarborWebhookRule(name: "r", matches: ["x"], replace: "")
        }
        #expect(throws: RewriteRuleError.malformedPlatform("amd64")) {
            try HarborWebhookRule(name: "r", matches: ["x"], replace: "h.io", platforms: ["amd64"])
        }
    }
}
