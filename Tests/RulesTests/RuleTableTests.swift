import HostileInput
import OCI
import Rules
import Testing

struct RuleTableTests {
    static func rule(
        _ name: String, prefix: String? = nil, host: String? = nil, registry: String? = nil, virtual: [String] = [],
        upstreamPrefix: String? = nil, completesLibrary: Bool = false
    ) throws -> Rule {
        Rule(
            name: try RuleName(name), prefix: prefix, host: try host.map { try RegistryHost($0) },
            registry: try registry.map { try RegistryHost($0) }, virtualHosts: try virtual.map { try RegistryHost($0) },
            upstreamPrefix: try upstreamPrefix.map { try RepositoryName($0) }, completesLibrary: completesLibrary)
    }

    /// Docker Hub by default and by prefix; a second account there; a part of a registry; a private registry.
    static func table(defaultRule: String? = "dockerhub") throws -> RuleTable {
        RuleTable(
            [
                try rule("dockerhub", prefix: "dockerhub", host: "docker.io", completesLibrary: true),
                try rule(
                    "team/hub", prefix: "team/hub", registry: "docker.io", virtual: ["hub.weir.corp"],
                    completesLibrary: true),
                try rule("team", prefix: "team", registry: "quay.io"),
                try rule("ghcr.io", host: "ghcr.io"),
                try rule("acme", prefix: "acme", host: "quay.io", registry: "quay.io", upstreamPrefix: "acme/prod"),
                try rule(
                    "part", prefix: "part", registry: "docker.io", virtual: ["part.weir.corp"], upstreamPrefix: "acme"),
                try rule(
                    "stand-in", prefix: "stand-in", host: "gcr.io", registry: "harbor.corp",
                    upstreamPrefix: "gcr-proxy",
                    completesLibrary: true),
                try rule("secret", prefix: "secret", host: "secret.corp:5000", virtual: ["secret.weir.corp:8443"]),
                try rule("six", host: "[::1]:5001"),
            ], defaultRule: try defaultRule.map { try RuleName($0) })
    }

    struct Case: Sendable, CustomTestStringConvertible {
        var name: String
        var ns: String?
        var authority: String?
        var expected: String

        init(_ name: String, ns: String? = nil, at authority: String? = "weir:5000", _ expected: String) {
            self.name = name
            self.ns = ns
            self.authority = authority
            self.expected = expected
        }

        var testDescription: String { "\(name) ns=\(ns ?? "-") at \(authority ?? "-")" }
    }

    /// What a request leads to, as `rule|repository`.
    static let resolved: [Case] = [
        // Root.
        Case("nginx", "dockerhub|library/nginx"),
        Case("library/nginx", "dockerhub|library/nginx"),
        Case("a/b", "dockerhub|a/b"),
        Case("nginx", at: nil, "dockerhub|library/nginx"),
        Case("nginx", at: "not a host", "dockerhub|library/nginx"),
        // ns.
        Case("library/nginx", ns: "docker.io", "dockerhub|library/nginx"),
        Case("nginx", ns: "index.docker.io", "dockerhub|library/nginx"),
        Case("nginx", ns: "registry-1.docker.io", "dockerhub|library/nginx"),
        Case("nginx", ns: "registry.hub.docker.com", "dockerhub|library/nginx"),
        Case("nginx", ns: "Docker.IO", "dockerhub|library/nginx"),
        Case("a/b", ns: "ghcr.io", "ghcr.io|a/b"),
        Case("x", ns: "secret.corp:5000", "secret|x"),
        Case("x", ns: "[::1]:5001", "six|x"),
        // Under ns a name is the registry's own: no prefix, no host is read from it.
        Case("secret/x", ns: "ghcr.io", "ghcr.io|secret/x"),
        Case("team/hub/x", ns: "ghcr.io", "ghcr.io|team/hub/x"),
        Case("dockerhub/library/nginx", ns: "docker.io", "dockerhub|dockerhub/library/nginx"),
        Case("ghcr.io/a/b", ns: "docker.io", "dockerhub|ghcr.io/a/b"),
        // Prefix: the longest, and never a part of a component.
        Case("dockerhub/nginx", "dockerhub|library/nginx"),
        Case("dockerhub/library/nginx", "dockerhub|library/nginx"),
        Case("team/hub/nginx", "team/hub|library/nginx"),
        Case("team/hub", "team|hub"),
        Case("team/hubble/x", "team|hubble/x"),
        Case("team/x/y", "team|x/y"),
        Case("secret/x", "secret|x"),
        Case("secret", "dockerhub|library/secret"),
        Case("secrets/x", "dockerhub|secrets/x"),
        Case("secret-x/y", "dockerhub|secret-x/y"),
        // A prefix's own part of the upstream.
        Case("acme/app", "acme|acme/prod/app"),
        // Host in path.
        Case("docker.io/nginx", "dockerhub|library/nginx"),
        Case("docker.io/library/nginx", "dockerhub|library/nginx"),
        Case("index.docker.io/a/b", "dockerhub|a/b"),
        Case("GHCR.io/a/b", "ghcr.io|a/b"),
        Case("secret.corp:5000/x", "secret|x"),
        Case("[::1]:5001/x", "six|x"),
        Case("docker.io/docker.io/x", "dockerhub|docker.io/x"),
        Case("docker.io/secret/x", "dockerhub|secret/x"),
        // By its host a rule for a part serves that part, under the registry's own names.
        Case("acme/prod/app", ns: "quay.io", "acme|acme/prod/app"),
        Case("quay.io/acme/prod/app", "acme|acme/prod/app"),
        Case("quay.io/acme/prod", "acme|acme/prod"),
        Case("part/x", "part|acme/x"),
        Case("acme/x", ns: "docker.io", at: "part.weir.corp", "part|acme/x"),
        // A registry that stands in for another has that one's names under its own prefix.
        Case("a/b", ns: "gcr.io", "stand-in|gcr-proxy/a/b"),
        Case("gcr.io/a", "stand-in|gcr-proxy/library/a"),
        Case("stand-in/a", "stand-in|gcr-proxy/library/a"),
        // Virtual host; a port counts only where the rule names one.
        Case("nginx", at: "hub.weir.corp", "team/hub|library/nginx"),
        Case("nginx", at: "hub.weir.corp:5000", "team/hub|library/nginx"),
        Case("nginx", at: "HUB.weir.corp.", "team/hub|library/nginx"),
        Case("x", at: "secret.weir.corp:8443", "secret|x"),
        Case("x/y", at: "secret.weir.corp", "dockerhub|x/y"),
        Case("secret/x", at: "hub.weir.corp", "team/hub|secret/x"),
        Case("docker.io/x", at: "hub.weir.corp", "team/hub|docker.io/x"),
        // A virtual host with ns: the host's rule for its own registry, and for no other.
        Case("library/nginx", ns: "docker.io", at: "hub.weir.corp:5000", "team/hub|library/nginx"),
        Case("a/b", ns: "ghcr.io", at: "hub.weir.corp:5000", "ghcr.io|a/b"),
        Case("x", ns: "secret.corp:5000", at: "secret.weir.corp:8443", "secret|x"),
    ]

    @Test(arguments: resolved)
    func `every way of addressing leads to one rule and repository`(_ request: Case) throws {
        let (rule, key) = try Self.table().resolve(request.name, namespace: request.ns, authority: request.authority)
        #expect("\(key.rule)|\(key.name)" == request.expected)
        #expect(rule.name == key.rule)
    }

    static let refused: [(Case, AddressingError)] = [
        (Case("a/b", ns: "quay.example", ""), .unknownHost(host("quay.example"))),
        (Case("a/b", ns: "secret.corp", ""), .unknownHost(host("secret.corp"))),
        (Case("a/b", ns: "secret.corp:443", ""), .unknownHost(host("secret.corp:443"))),
        (Case("a/b", ns: "docker.io:443", ""), .unknownHost(host("docker.io:443"))),
        (Case("a/b", ns: "ghcr.io:443", ""), .unknownHost(host("ghcr.io:443"))),
        (Case("a/b", ns: "docker.io.evil.com", ""), .unknownHost(host("docker.io.evil.com"))),
        (Case("quay.example/a/b", ""), .unknownHost(host("quay.example"))),
        (Case("127.0.0.1:22/a", ""), .unknownHost(host("127.0.0.1:22"))),
        (Case("localhost/a", ""), .unknownHost(host("localhost"))),
        (Case("Foo/a", ""), .unknownHost(host("foo"))),
        (Case("acme/prodigy/app", ns: "quay.io", ""), .unknownHost(host("quay.io"))),
        (Case("quay.io/other/app", ""), .unknownHost(host("quay.io"))),
        (Case("other/x", ns: "docker.io", at: "part.weir.corp", ""), .unknownHost(host("docker.io"))),
        (Case("a/b", ns: "quay.example", at: "hub.weir.corp", ""), .unknownHost(host("quay.example"))),
        (Case("a/b", ns: "", ""), .malformedNamespace(.empty)),
        (Case("a/b", ns: "docker.io.", ""), .malformedNamespace(.malformed)),
        (Case("a/b", ns: "docker.io/x", ""), .malformedNamespace(.malformed)),
        (Case("a/b", ns: "https://docker.io", ""), .malformedNamespace(.malformedPort)),
        (Case("a/b", ns: "user@docker.io", ""), .malformedNamespace(.malformed)),
        (Case("a/b", ns: "doc\u{212A}er.io", ""), .malformedNamespace(.malformed)),
        (Case("a/b", ns: "docker.io\0", ""), .malformedNamespace(.malformed)),
        (Case("docker.io./a", ""), .malformedNamespace(.malformed)),
        (Case("../secret/x", ""), .malformedNamespace(.malformed)),
        (Case("./secret/x", ""), .malformedNamespace(.malformed)),
        (Case("", ""), .malformedRepository(.empty)),
        (Case("docker.io/", ""), .malformedRepository(.empty)),
        (Case("dockerhub/", ""), .malformedRepository(.empty)),
        (Case("/secret/x", ""), .malformedRepository(.malformedComponent)),
        (Case("//secret/x", ""), .malformedRepository(.malformedComponent)),
        (Case("dockerhub//x", ""), .malformedRepository(.malformedComponent)),
        (Case("dockerhub/../secret/x", ""), .malformedRepository(.malformedComponent)),
        (Case("dockerhub/%2e%2e/secret/x", ""), .malformedRepository(.malformedComponent)),
        (Case("secret%2fx/y", ""), .malformedRepository(.malformedComponent)),
        (Case("dockerhub/library/nginx\0", ""), .malformedRepository(.malformedComponent)),
        (Case("acme/../other/app", ""), .malformedRepository(.malformedComponent)),
        (Case("acme/prod/../other", ns: "quay.io", ""), .malformedRepository(.malformedComponent)),
        (Case(String(repeating: "a", count: 248), ""), .malformedRepository(.tooLong(limit: 255))),
        (Case(String(repeating: "a/", count: 50_000) + "a", ""), .malformedRepository(.tooLong(limit: 255))),
    ]

    static func host(_ text: String) -> RegistryHost {
        guard let host = try? RegistryHost(text) else { preconditionFailure("\(text) is no host") }
        return host
    }

    @Test(arguments: refused)
    func `what leads to no rule is refused with its reason`(_ request: Case, _ reason: AddressingError) throws {
        let table = try Self.table()
        #expect(throws: reason) {
            try table.resolve(request.name, namespace: request.ns, authority: request.authority)
        }
        #expect(!reason.description.isEmpty)
    }

    @Test func `without a default rule a name needs a prefix or a host`() throws {
        let table = try Self.table(defaultRule: nil)
        #expect(throws: AddressingError.noDefaultRule) { try table.resolve("nginx", namespace: nil, authority: nil) }
        #expect(
            try table.resolve("dockerhub/nginx", namespace: nil, authority: nil).rule.name.description == "dockerhub")
        let gone = try Self.table(defaultRule: "gone")
        #expect(throws: AddressingError.noDefaultRule) { try gone.resolve("nginx", namespace: nil, authority: nil) }
    }

    @Test func `of two rules with one claim the first has it`() throws {
        let table = RuleTable(
            [
                try Self.rule("one", prefix: "p", host: "docker.io", virtual: ["v"]),
                try Self.rule("two", prefix: "p", host: "index.docker.io", virtual: ["v"]),
            ], defaultRule: nil)
        #expect(try table.resolve("p/x", namespace: nil, authority: nil).rule.name.description == "one")
        #expect(try table.resolve("x", namespace: "docker.io", authority: nil).rule.name.description == "one")
        #expect(try table.resolve("x", namespace: nil, authority: "v:1").rule.name.description == "one")
        #expect(try table[RuleName("two")] != nil)
        #expect(try table[RuleName("three")] == nil)
    }

    @Test(arguments: [
        ("nginx", "dockerhub|library/nginx"),
        ("nginx:1.27", "dockerhub|library/nginx"),
        ("a/b@" + digest, "dockerhub|a/b"),
        ("docker.io/library/nginx:1", "dockerhub|library/nginx"),
        ("ghcr.io/a/b:1@" + digest, "ghcr.io|a/b"),
        ("dockerhub/library/nginx:1.27", "dockerhub|library/nginx"),
        ("team/hub/nginx:1@" + digest, "team/hub|library/nginx"),
        ("team/hub/nginx", "team/hub|library/nginx"),
        ("acme/app:1", "acme|acme/prod/app"),
        ("secret.corp:5000/x", "secret|x"),
        ("secret.corp:5000/x:5000", "secret|x"),
        ("[::1]:5001/x@" + digest, "six|x"),
    ])
    func `a reference leads where a pull of it would`(_ text: String, _ expected: String) throws {
        let (_, key) = try Self.table().resolve(ImageReference(text), writtenAs: text)
        #expect("\(key.rule)|\(key.name)" == expected)
    }

    static let digest = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

    @Test func `a reference without registry is the default rule's, whatever that serves`() throws {
        let table = RuleTable([try Self.rule("lab", host: "lab.corp")], defaultRule: try RuleName("lab"))
        #expect(
            try table.resolve(ImageReference("nginx:1"), writtenAs: "nginx:1").repository.name.description == "nginx")
        #expect(throws: AddressingError.unknownHost(.dockerHub)) {
            try table.resolve(ImageReference("docker.io/nginx"), writtenAs: "docker.io/nginx")
        }
    }

    /// A private rule is only reached by its own prefix, host or virtual host, spelled in full.
    @Test func `no name whatever leads to another rule's repository`() throws {
        let table = try Self.table()
        let alphabet = [
            "secret", "secret/", "/", "..", ".", "%2f", "%2e", "dockerhub/", "docker.io/", "team/hub/", "x", "SECRET/",
            ":443", "ghcr.io", "secret.corp", ":5000/",
        ]
        for name in hostileTexts(count: 8000, alphabet: alphabet, seed: 12) {
            for namespace in [nil, "docker.io", "ghcr.io"] {
                guard let (rule, key) = try? table.resolve(name, namespace: namespace, authority: "weir:5000") else {
                    continue
                }
                #expect((try? RepositoryName(key.name.description)) == key.name)
                guard rule.name.description == "secret" else { continue }
                #expect(namespace == nil)
                #expect(name.hasPrefix("secret/") || name.hasPrefix("secret.corp:5000/"))
                #expect(name.hasSuffix("/" + key.name.description))
            }
        }
    }

    @Test func `no host whatever leads to a rule that it does not name`() throws {
        let table = try Self.table()
        let alphabet = [
            "docker", ".io", "docker.io", ":443", ":", ".", "/", "@", "[", "]", "secret.corp:5000", "a", "#", "?",
        ]
        let known = ["docker.io", "index.docker.io", "ghcr.io", "quay.io", "secret.corp:5000", "[::1]:5001"]
        for text in hostileTexts(count: 6000, alphabet: alphabet, seed: 13) {
            if (try? table.resolve("acme/prod/x", namespace: text, authority: text)) != nil {
                #expect(known.contains(text))
            }
        }
    }

    // MARK: Names of rules

    @Test(arguments: [
        "a", "dockerhub", "team/hub", "ghcr.io", "localhost:5000", "a_b-c", "0", String(repeating: "a", count: 64),
    ])
    func `a well-formed rule name is taken`(_ text: String) throws {
        #expect(try RuleName(text).description == text)
    }

    @Test(arguments: [
        "", "/", "a/", "/a", "a//b", "A", "..", "a/..", "-a", ".a", "_a", ":a", "a b", "a\0", "é", "a\u{301}",
        "\u{212A}",
        "a%b", "[::1]", String(repeating: "a", count: 65),
    ])
    func `a malformed rule name is rejected`(_ text: String) {
        #expect(throws: RuleNameError.self) { try RuleName(text) }
    }

    @Test func `repositories of two rules are two, though they read alike`() throws {
        let one = RepositoryKey(rule: try RuleName("a"), name: try RepositoryName("b/c"))
        let two = RepositoryKey(rule: try RuleName("a/b"), name: try RepositoryName("c"))
        #expect(one.description == two.description)
        #expect(one != two && one < two)
    }
}
