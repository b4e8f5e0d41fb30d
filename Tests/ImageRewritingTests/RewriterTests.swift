import OCI
import Rules
import Testing

@testable import ImageRewriting

@Suite struct DerivedRuleTests {
    static let digest = "sha256:" + String(repeating: "ab", count: 32)

    /// Docker Hub by a rule with a prefix; GitHub well known; a part of Quay; a mirror in Google's place; a lab with a
    /// port; a second account for Docker Hub that no name leads to.
    static func table() throws -> RuleTable {
        func rule(
            _ name: String, host: String?, prefix: Bool = true, upstreamPrefix: String? = nil, hub: Bool = false,
            virtualHosts: [String] = [], registry: String? = nil
        ) throws -> Rule {
            Rule(
                name: try RuleName(name), prefix: prefix ? name : nil, host: try host.map { try RegistryHost($0) },
                registry: try registry.map { try RegistryHost($0) },
                virtualHosts: try virtualHosts.map { try RegistryHost($0) },
                upstreamPrefix: try upstreamPrefix.map { try RepositoryName($0) }, completesLibrary: hub)
        }
        return RuleTable(
            [
                try rule("dockerhub", host: "docker.io", hub: true, virtualHosts: ["hub.weir.corp"]),
                try rule("ghcr.io", host: "ghcr.io", prefix: false),
                try rule("quay-team", host: "quay.io", upstreamPrefix: "team", registry: "quay.io"),
                try rule("gcr-mirror", host: "gcr.io", upstreamPrefix: "mirror/gcr"),
                try rule("lab", host: "lab.corp:5001"),
                try rule("hub2", host: nil, hub: true),
            ], defaultRule: try RuleName("dockerhub"))
    }

    static func rewriter(
        _ form: DerivedRule.Form = .host, address: String = "weir:5000"
    ) throws -> ImageRewriter {
        try ImageRewriter([
            .derived(try DerivedRule(table: try table(), address: try RegistryHost(address), form: form))
        ])
    }

    @Test(
        arguments: [
            ("nginx", "weir:5000/docker.io/library/nginx", "weir:5000/dockerhub/library/nginx"),
            ("nginx:1.27", "weir:5000/docker.io/library/nginx:1.27", "weir:5000/dockerhub/library/nginx:1.27"),
            (
                "nginx:1.27@\(digest)", "weir:5000/docker.io/library/nginx:1.27@\(digest)",
                "weir:5000/dockerhub/library/nginx:1.27@\(digest)"
            ),
            (
                "nginx@\(digest)", "weir:5000/docker.io/library/nginx@\(digest)",
                "weir:5000/dockerhub/library/nginx@\(digest)"
            ),
            ("grafana/grafana", "weir:5000/docker.io/grafana/grafana", "weir:5000/dockerhub/grafana/grafana"),
            ("docker.io/nginx:1", "weir:5000/docker.io/library/nginx:1", "weir:5000/dockerhub/library/nginx:1"),
            ("index.docker.io/a/b:1", "weir:5000/docker.io/a/b:1", "weir:5000/dockerhub/a/b:1"),
            ("GHCR.io/a/b:1", "weir:5000/ghcr.io/a/b:1", "weir:5000/ghcr.io/a/b:1"),
            ("quay.io/team/x:1", "weir:5000/quay.io/team/x:1", "weir:5000/quay-team/x:1"),
            ("gcr.io/proj/x:1", "weir:5000/gcr.io/proj/x:1", "weir:5000/gcr-mirror/proj/x:1"),
            ("lab.corp:5001/x:1", "weir:5000/lab/x:1", "weir:5000/lab/x:1"),
        ])
    func `what a rule serves is pulled from Weir`(_ image: String, _ byHost: String, _ byPrefix: String) throws {
        for (form, wanted) in [(DerivedRule.Form.host, byHost), (.prefix, byPrefix)] {
            let rewriter = try Self.rewriter(form)
            let rewriting = rewriter.rewriting(of: image)
            #expect(rewriting.image == wanted)
            #expect(rewriting.candidates.map(\.rule) == ["all"])
            #expect(rewriter.rewriting(of: wanted).reason == .alreadyRewritten(rule: "all"))
        }
    }

    @Test(
        arguments: [
            ("quay.io/other/x:1", .noRule), ("unknown.corp/x", .noRule), ("quay.io/teamx/x", .noRule),
            ("weir:5000/docker.io/library/nginx:1", .alreadyRewritten(rule: "all")),
            ("weir:5000/anything", .alreadyRewritten(rule: "all")), ("WEIR:5000/x", .noRule),
            ("", .noReference(.repository(.empty))), ("nginx:", .noReference(.tag(.empty))),
            ("${IMAGE}", .noReference(.repository(.malformedComponent))),
            (" nginx", .noReference(.repository(.malformedComponent))),
            (String(repeating: "a/", count: 600) + "b", .noReference(.tooLong)),
        ] as [(String, UnchangedReason)])
    func `everything else stays as it is, and is told why`(_ image: String, _ reason: UnchangedReason) throws {
        let rewriting = try Self.rewriter().rewriting(of: image)
        #expect(rewriting.image == image)
        #expect(rewriting.candidates == [])
        #expect(rewriting.reason == reason)
    }

    @Test func `a virtual host needs no rule in the path`() throws {
        let rewriter = try Self.rewriter(address: "hub.weir.corp")
        #expect(rewriter.rewriting(of: "nginx:1").image == "hub.weir.corp/library/nginx:1")
        #expect(rewriter.rewriting(of: "ghcr.io/a/b:1").reason == .noRule)
        #expect(rewriter.original(of: "hub.weir.corp/library/nginx:1") == "docker.io/library/nginx:1")
    }

    @Test(
        arguments: [
            ("weir:5000/docker.io/library/nginx:1", "docker.io/library/nginx:1"),
            ("weir:5000/dockerhub/library/nginx:1", "docker.io/library/nginx:1"),
            ("weir:5000/dockerhub/nginx", "docker.io/library/nginx"),
            ("weir:5000/library/nginx@\(digest)", "docker.io/library/nginx@\(digest)"),
            ("weir:5000/ghcr.io/a/b:1@\(digest)", "ghcr.io/a/b:1@\(digest)"),
            ("weir:5000/quay-team/x:1", "quay.io/team/x:1"), ("weir:5000/gcr.io/proj/x:1", "gcr.io/proj/x:1"),
            ("weir:5000/lab/x:1", "lab.corp:5001/x:1"), ("weir:5000/hub2/library/nginx", nil),
            ("weir:5000/unknown.corp/x", nil), ("nginx", nil), ("weir:5000", nil), ("", nil),
        ] as [(String, String?)])
    func `what was rewritten can be turned back`(_ image: String, _ original: String?) throws {
        for form in DerivedRule.Form.allCases {
            #expect(try Self.rewriter(form).original(of: image) == original)
        }
    }

    @Test func `an address that cannot begin a reference is refused`() throws {
        #expect(throws: RewriteRuleError.addressIsNoHost(try RegistryHost("weir"))) {
            try Self.rewriter(address: "weir")
        }
    }
}

@Suite struct TemplateRuleTests {
    private func rule(
        registry: [String] = [], repository: [String] = [], tag: [String] = [], namespace: [String] = [],
        labels: [String: [String]] = [:], exclude: [TemplateRule.Conditions] = [], _ replacement: String,
        name: String = "r"
    ) throws -> RewriteRule {
        func matchers(_ texts: [String]) throws -> [Matcher] { try texts.map { try Matcher($0) } }
        return .template(
            try TemplateRule(
                match: TemplateRule.Conditions(
                    registry: try matchers(registry), repository: try matchers(repository), tag: try matchers(tag),
                    namespace: try matchers(namespace), labels: try labels.mapValues(matchers)),
                exclude: exclude, replacement: try Replacement(replacement)), name: name)
    }

    @Test(
        arguments: [
            (["docker.io"], ["*"], "w.io/hub/{1}", "nginx:1", "w.io/hub/library/nginx:1"),
            (["docker.io"], ["library/*"], "w.io/{1}", "nginx", "w.io/nginx"),
            (["docker.io"], ["library/*"], "w.io/{1}", "a/b", "a/b"),
            (["*"], [], "w.io/{registry}/{repository}", "ghcr.io/a/b", "w.io/ghcr.io/a/b"),
            (["*"], [], "w.io/{registry}/{repository}", "x:5000/b", "x:5000/b"),
            (["/^(quay|ghcr).io$/"], ["*/*"], "w.io/{2}/{1}", "ghcr.io/a/b:1", "w.io/b/a:1"),
            ([], ["/^(?P<org>[^/]+)/(.+)$/"], "w.io/{org}-x/{2}", "a/b/c", "w.io/a-x/b/c"),
            ([], ["/nginx/"], "w.io/all", "my/nginx2:1", "w.io/all:1"),
            (["ghcr.io"], ["*"], "w.io/{1}", "nginx", "nginx"),
        ] as [([String], [String], String, String, String)])
    func `captures are put into the replacement`(
        _ registry: [String], _ repository: [String], _ replacement: String, _ image: String, _ wanted: String
    ) throws {
        let rewriter = try ImageRewriter([try rule(registry: registry, repository: repository, replacement)])
        #expect(rewriter.rewriting(of: image).image == wanted)
        #expect(rewriter.rewriting(of: wanted).image == wanted)
    }

    @Test func `a result that is no reference changes nothing, and is told`() throws {
        let rewriter = try ImageRewriter([try rule(registry: ["*"], "w.io/{registry}/x")])
        #expect(rewriter.rewriting(of: "a:5000/b").reason == .malformedResult(rule: "r"))
        #expect(rewriter.rewriting(of: "a.io/b").image == "w.io/a.io/x")
    }

    @Test func `tag, namespace and labels are conditions`() throws {
        let tagged = try ImageRewriter([try rule(tag: ["1.*", "latest"], "w.io/{repository}")])
        #expect(tagged.rewriting(of: "a/b:1.2").image == "w.io/a/b:1.2")
        #expect(tagged.rewriting(of: "a/b").image == "w.io/a/b")
        #expect(tagged.rewriting(of: "a/b:2").image == "a/b:2")
        #expect(tagged.rewriting(of: "a/b@\(DerivedRuleTests.digest)").reason == .noRule)
        let placed = try ImageRewriter([
            try rule(namespace: ["team-*"], labels: ["tier": ["web", "db"]], "w.io/{repository}")
        ])
        let labels = ["tier": "db", "x": "y"]
        #expect(placed.rewriting(of: "a/b").reason == .noRule)
        #expect(placed.rewriting(of: "a/b", in: .init(namespace: "team-a", labels: labels)).image == "w.io/a/b")
        #expect(placed.rewriting(of: "a/b", in: .init(namespace: "x", labels: labels)).reason == .noRule)
        #expect(placed.rewriting(of: "a/b", in: .init(namespace: "team-a")).reason == .noRule)
        #expect(placed.rewriting(of: "a/b", in: .init(namespace: "team-a", labels: ["tier": "x"])).reason == .noRule)
    }

    @Test func `what is excluded goes to the next rule`() throws {
        let exclude = TemplateRule.Conditions(repository: [try Matcher("library/ubuntu")], tag: [try Matcher("22*")])
        let rewriter = try ImageRewriter([
            try rule(registry: ["docker.io"], exclude: [exclude], "w.io/hub/{repository}", name: "hub"),
            try rule(registry: ["docker.io"], "w.io/ubuntu/{repository}", name: "rest"),
        ])
        #expect(rewriter.rewriting(of: "ubuntu:24.04").candidates.map(\.rule) == ["hub", "rest"])
        #expect(rewriter.rewriting(of: "ubuntu:22.04").candidates.map(\.rule) == ["rest"])
        #expect(rewriter.rewriting(of: "ubuntu:22.04").image == "w.io/ubuntu/library/ubuntu:22.04")
    }

    @Test(
        arguments: [
            "", "w.io", "weir/x", "/x", "{registry}/x", "w.io/{", "w.io/}", "w.io/{}", "w.io/x:1", "w.io/x@y", "w.io/X",
            "w.io//x", "w.io/", "w.io/{1}", "w.io/{name}", "w.io/{99999999999999999999}", "-.io/x",
            "w.io/" + String(repeating: "a", count: 600),
        ])
    func `a replacement that could not be told again or filled is refused`(_ text: String) {
        #expect(throws: RewriteRuleError.self) { try rule(registry: ["*"], text) }
    }

    @Test(arguments: ["w.io/{2}", "w.io/{0}", "w.io/{x}"])
    func `every alternative has to fill every placeholder`(_ text: String) throws {
        #expect(throws: RewriteRuleError.self) { try rule(repository: ["a/*", "*/b"], text) }
        _ = try rule(repository: ["a/*", "*/b"], "w.io/{1}")
        #expect(throws: RewriteRuleError.self) { try rule(repository: ["a/*", "b"], "w.io/{1}") }
    }

    @Test(
        arguments: [
            (["docker.io"], ["library/*"], "w.io/{1}", "w.io/nginx:1", "docker.io/library/nginx:1"),
            (["docker.io"], ["*"], "w.io/hub/{1}", "w.io/hub/a/b", "docker.io/a/b"),
            ([], [], "w.io/{registry}/{repository}", "w.io/ghcr.io/a/b:1", "ghcr.io/a/b:1"),
            (["quay.io"], [], "w.io/{repository}/q", "w.io/a/b/q:1", "quay.io/a/b:1"),
            (["quay.io"], ["a/b"], "w.io/fixed", "w.io/fixed:2", "quay.io/a/b:2"),
            (["quay.io", "ghcr.io"], [], "w.io/{repository}", "w.io/a/b", nil),
            (["docker.io"], ["library/*"], "w.io/{1}", "w.io/a/b/", nil),
            (["*"], [], "w.io/{repository}", "w.io/a/b", nil),
            (["docker.io"], ["/^library/(.*)$/"], "w.io/{1}", "w.io/nginx", nil),
        ] as [([String], [String], String, String, String?)])
    func `what can be told for sure is turned back`(
        _ registry: [String], _ repository: [String], _ replacement: String, _ image: String, _ original: String?
    ) throws {
        let rewriter = try ImageRewriter([try rule(registry: registry, repository: repository, replacement)])
        #expect(rewriter.original(of: image) == original)
    }

    /// Everything that can come out of the rules, put in again.
    @Test func `rewriting twice is rewriting once, whatever the rules are`() throws {
        let rewriter = try ImageRewriter([
            try rule(registry: ["docker.io"], "a.io/hub/{repository}", name: "1"),
            try rule(registry: ["a.io"], "b.io/{repository}", name: "2"),
            try rule(registry: ["b.io"], "docker.io/loop/{repository}", name: "3"),
            try rule(registry: ["*"], "c.io/{registry}/{repository}", name: "4"),
        ])
        for image in ["nginx", "a.io/x", "b.io/y:1", "d.io/z", "a.io/hub/library/nginx", "docker.io/x/y"] {
            let once = rewriter.rewriting(of: image).image
            #expect(rewriter.rewriting(of: once).image == once)
        }
    }
}
