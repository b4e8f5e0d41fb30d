import ImageRewriting
import OCI
import Testing

@testable import Commands

@Suite struct RewriteConfigurationTests {
    private func rewriter(_ yaml: String) throws -> ImageRewriter {
        let service = try Folder().load(yaml).service
        return try service.rewrite.rewriter(service.rules)
    }

    @Test(arguments: ["rewrite: { address: w:5000 }", "rewrite: { address: w:5000, all: true }"])
    func `an address is enough`(_ yaml: String) throws {
        #expect(try rewriter(yaml).rewriting(of: "nginx").image == "w:5000/docker.io/library/nginx")
    }

    @Test func `without an address there is nothing to rewrite to`() throws {
        let service = try Folder().load("rewrite: all").service
        #expect(service.rewrite.includesAll)
        #expect(throws: RewriteConfigurationError.noAddress) { try service.rewrite.rewriter(service.rules) }
    }

    @Test func `rules of one's own come first`() throws {
        let yaml = """
            rewrite:
              address: w:5000
              form: prefix
              all: true
              rules:
                - name: team
                  match: { registry: quay.io, repository: "team/*", namespace: [a, b], labels: { tier: web } }
                  exclude: [{ tag: [latest, "*-dev"] }]
                  replace: h.io/team/{1}
                  checkUpstream: true
                  platforms: [linux/arm64]
                  authSecretName: s
                - { match: { registry: "/^(gcr|k8s.gcr)[.]io$/" }, replace: "m.io/google/{repository}" }
            rules: { hub: { registry: docker.io } }
            """
        let rewriter = try rewriter(yaml)
        let context = RewriteContext(namespace: "b", labels: ["tier": "web"])
        let team = rewriter.rewriting(of: "quay.io/team/x:1", in: context)
        #expect(team.candidates.map(\.image) == ["h.io/team/x:1", "w:5000/quay.io/team/x:1"])
        #expect(team.candidates.first?.check?.secretName == "s")
        #expect(rewriter.rewriting(of: "quay.io/team/x:1-dev", in: context).image == "w:5000/quay.io/team/x:1-dev")
        #expect(rewriter.rewriting(of: "gcr.io/a/b").image == "m.io/google/a/b")
        #expect(rewriter.rewriting(of: "nginx:1").image == "w:5000/hub/library/nginx:1")
    }

    @Test func `harbor-container-webhook's file is read unchanged`() throws {
        let folder = try Folder()
        try folder.write(
            """
            port: 9443
            certDir: "./hack/certs"
            healthAddr: ":8080"
            metricsAddr: ":8081"
            verbose: true
            unknown: {is: ignored}
            rules:
              - name: 'docker.io rewrite rule'
                # image refs must match at least one of the rules, and not match any excludes
                matches:
                  - '^docker.io'
                excludes:
                  # for example, exclude ubuntu from harbor's proxy cache
                  - '^docker.io/(library/)?ubuntu:.*$'
                replace: 'harbor.example.com/dockerhub-proxy'
                checkUpstream: false
              - name: 'docker.io ubuntu rewrite rule'
                matches:
                  - '^docker.io/(library/)?ubuntu:.*$'
                replace: 'harbor.example.com/ubuntu-proxy'
                checkUpstream: true # tests if the manifest for the rewritten image exists
                authSecretName: harbor-example-image-pull-secret
            """, to: "harbor.yaml")
        let service = try folder.load("rewrite: { harborWebhook: harbor.yaml }").service
        let harbor = try #require(service.rewrite.harborWebhook)
        #expect(harbor.port == 9443)
        #expect(harbor.certificateDirectory == "./hack/certs")
        #expect(harbor.healthAddress == ":8080")
        #expect(harbor.metricsAddress == ":8081")
        #expect(harbor.isVerbose)
        #expect(harbor.rules.map(\.name) == ["docker.io rewrite rule", "docker.io ubuntu rewrite rule"])
        #expect(
            harbor.rules.map(\.check) == [
                nil, UpstreamCheck(secretName: "harbor-example-image-pull-secret", takesSecretKeysAsPatterns: true),
            ])
        let rewriter = try service.rewrite.rewriter(service.rules)
        #expect(rewriter.rewriting(of: "nginx").image == "harbor.example.com/dockerhub-proxy/library/nginx:latest")
        #expect(rewriter.rewriting(of: "ubuntu:1").image == "harbor.example.com/ubuntu-proxy/library/ubuntu:1")
        #expect(rewriter.rewriting(of: "quay.io/a/b").image == "quay.io/a/b")
    }

    @Test(
        arguments: [
            ("", nil), ("a: 1", nil), ("rules: []", 1), ("rules:\n- x", 2), ("rules:\n- {matches: [(], replace: h}", 2),
            ("rules:\n- {matches: x, replace: h}", 2), ("rules:\n- {matches: [x]}", 2),
            ("port: x\nrules: [{matches: [x], replace: h}]", 1),
            ("rules: [{matches: [x], replace: h, checkUpstream: maybe}]", 1),
            ("rules: [{matches: [x], replace: h, platforms: [amd64]}]", 1), ("rules: [", nil),
        ] as [(String, Int?)])
    func `a file of harbor-container-webhook's that is wrong is refused`(_ text: String, _ line: Int?) {
        do {
            _ = try HarborWebhookFile.parse(text)
            Issue.record("accepted")
        } catch {
            #expect(line == nil || error.line == line, "\(error)")
        }
    }

    @Test(
        arguments: [
            ("rewrite: { address: weir }", "weir.yaml:1:21: 'weir' cannot begin an image's name"),
            ("rewrite: { rules: [{ match: { registry: a } }] }", "weir.yaml:1:20: the rule '1' replaces nothing"),
            (
                "rewrite: { rules: [{ replace: x }] }",
                "weir.yaml:1:31: 'x' cannot be used: the replacement 'x' has to begin"
            ),
            ("rewrite: { rules: [{ replace: 'h.io/{1}' }] }", "weir.yaml:1:31: '{1}' stands for nothing"),
            (
                "rewrite: { rules: [{ match: { tag: '/(/' }, replace: h.io/x }] }",
                "weir.yaml:1:36: '/(/' is no pattern: a '(' has no ')'"
            ),
            ("rewrite: { rules: [{ platforms: [x], replace: h.io/x }] }", "weir.yaml:1:34: 'x' is no platform"),
            ("rewrite: { harborWebhook: weir.yaml }", "there are no 'rules'"),
            ("rewrite: nothing", "weir.yaml:1:10: expected a group of keys"),
        ])
    func `what is wrong is told with its place`(_ yaml: String, _ problem: String) throws {
        let problems = try Folder().problems(yaml)
        #expect(problems.count == 1)
        #expect(problems.first?.contains(problem) == true, "\(problems)")
    }
}
