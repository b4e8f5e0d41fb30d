import Credentials
import OCI
import QuotaGovernor
import Rules
import Testing
import UpstreamClient

@testable import Commands

@Suite struct RuleAssemblyTests {
    @Test(arguments: [
        (
            "a: { registry: docker.io }\n  b: { registry: index.docker.io }",
            "weir.yaml:3:18: the rules 'a' (weir.yaml:2:18) and 'b' both pull from docker.io; say 'host: docker.io' in the "
                + "one that answers for that name, or 'host: none' in the other"
        ),
        (
            "a: { registry: x.io, host: ghcr.io }\n  b: { registry: y.io, host: ghcr.io }",
            "weir.yaml:3:30: the rules 'a' (weir.yaml:2:30) and 'b' both say 'host: ghcr.io'; say 'host: none' in one of them"
        ),
        (
            "quay.io: { registry: ghcr.io }",
            "weir.yaml:2:3: a rule that is named like a registry must answer for it; choose a name without dots, or say "
                + "'registry: quay.io'"
        ),
        (
            "a: { registry: x.io, bandwidth: 50MiB }",
            "weir.yaml:2:35: '50MiB' is no rate; write a size and '/s', such as '50MiB/s'"
        ),
        (
            "a: { registry: x.io, bandwidth: 1kB/s }",
            "weir.yaml:2:35: '1kB/s' is out of range; it must be from 16KiB/s to 1TiB/s"
        ),
        (
            "a: { registry: x.io, requestRate: 100 }",
            "weir.yaml:2:37: '100' is no rate; write a number and '/s', '/m' or '/h', such as '100/s'"
        ),
        (
            "a: { registry: x.io, requestRate: 0/s }",
            "weir.yaml:2:37: '0/s' is out of range; it must be from 1 to 999999"
        ),
        ("a: { username: x }", "weir.yaml:2:3: the rule 'a' names no registry; add 'registry: HOST'"),
        (
            "a: { registry: x.io, username: me, accessToken: '${file:missing}' }",
            "weir.yaml:2:51: the file 'missing' does not exist; create it, or remove the reference"
        ),
        (
            "a: { registry: x.io, username: '${env:NOBODY}', accessToken: t }",
            "weir.yaml:2:34: the environment variable 'NOBODY' is not set; set it, or remove the reference"
        ),
        (
            "a: { registry: x.io, username: me }",
            "weir.yaml:2:34: 'username' needs 'accessToken' beside it; add it, or remove 'username'"
        ),
        (
            "a: { registry: x.io, password: t }",
            "weir.yaml:2:34: 'accessToken' needs 'username' beside it; add it, or remove the token"
        ),
        (
            "a: { registry: x.io, username: u, accessToken: t, password: p }",
            "weir.yaml:2:63: 'password' and 'accessToken' are the same; remove one of the two"
        ),
        (
            "a: { registry: x.io, username: u, accessToken: t, identityToken: i }",
            "weir.yaml:2:34: 'identityToken' stands alone; remove it, or 'username' and 'accessToken'"
        ),
        (
            "a: { registry: \"https://x.io/path\" }",
            "weir.yaml:2:18: 'https://x.io/path' has a path; give the host alone, and a path within the registry as "
                + "'upstreamPrefix'"
        ),
        (
            "a: { registry: \"https://me:hush@x.io\" }",
            "weir.yaml:2:18: the value holds an account; give it as 'username' and 'accessToken' in place of the URL"
        ),
        (
            "a: { registry: \"ftp://x.io\" }",
            "weir.yaml:2:18: 'ftp://x.io' has an unknown scheme; write HOST, https://HOST or http://HOST"
        ),
        (
            "a: { registry: x.io, virtualHosts: [v.corp] }\n  b: { registry: y.io, virtualHosts: [v.corp] }",
            "weir.yaml:3:39: the virtual host v.corp is already given at weir.yaml:2:39; it can lead to one rule only"
        ),
        (
            "a: { registry: x.io, tls: { certificate: weir.yaml } }",
            "weir.yaml:2:29: 'certificate' and 'key' are only useful together; add the other, or remove both"
        ),
        (
            "a:b: { registry: x.io }",
            "weir.yaml:2:3: 'a:b' cannot name a rule, since it is the first part of image names: lower-case letters and "
                + "digits, joined by '.', '_' or '-', in parts separated by '/'"
        ),
        // Warnings.
        (
            "library: { registry: x.io }",
            "weir.yaml:2:3: warning: the prefix 'library' hides the repositories 'library/…' of Docker Hub; choose another "
                + "name, such as 'library-mirror'"
        ),
        (
            "a: { registry: x.io }\n  a/b: { registry: y.io }",
            "weir.yaml:3:3: warning: the prefix 'a/b' hides the repositories 'b/…' of the rule 'a'"
        ),
        (
            "a: { registry: \"http://x.io\", username: u, accessToken: t }",
            "weir.yaml:2:18: warning: the account of 'a' is sent without TLS, for everyone on the way to read"
        ),
        (
            "a: { registry: x.io, tls: { skipVerify: true } }",
            "weir.yaml:2:29: warning: any certificate of 'x.io' is accepted; give its authority as 'ca' in place of "
                + "'skipVerify'"
        ),
    ])
    func `rules that cannot be meant are told, and nothing else`(_ rules: String, _ expected: String) throws {
        #expect(try Folder().problems("rules:\n  \(rules)\n") == [expected])
    }

    private func rules(_ yaml: String, more: String = "") throws -> RuleTable {
        try Folder().load("\(more)\nrules:\n  \(yaml)\n").service.rules
    }

    private func host(_ name: String, in rules: RuleTable) throws -> String? {
        rules[try RuleName(name)]?.host?.description
    }

    @Test func `of two rules for one registry the one that says so answers for its name`() throws {
        for (first, second) in [("host: docker.io, ", ""), ("", "host: none, "), ("host: docker.io, ", "host: none, ")]
        {
            let rules = try rules(
                "a: { \(first)registry: docker.io }\n  b: { \(second)registry: registry-1.docker.io }")
            #expect(try host("a", in: rules) == "docker.io")
            #expect(try host("b", in: rules) == nil)
            #expect(rules.defaultRule?.description == "a")
            #expect(rules[try RuleName("b")]?.completesLibrary == true)
            #expect(rules[try RuleName("docker.io")] == nil)
        }
    }

    @Test func `a rule with a prefix of its own leaves the registry's name alone`() throws {
        let rules = try rules("a: { registry: ghcr.io, upstreamPrefix: team }")
        #expect(try host("a", in: rules) == nil)
        #expect(try host("ghcr.io", in: rules) == "ghcr.io")
        let found = try rules.resolve("a/app", namespace: nil, authority: nil)
        #expect(found.repository.name.description == "team/app")
    }

    @Test func `a mirror can answer for Docker Hub`() throws {
        let rules = try rules("hub: { registry: mirror.corp, host: docker.io, upstreamPrefix: docker-remote }")
        let found = try rules.resolve("nginx", namespace: nil, authority: nil)
        #expect(found.repository.description == "hub/docker-remote/library/nginx")
        #expect(rules[try RuleName("docker.io")] == nil)
    }

    @Test(arguments: [
        ("https://x.io:443", "x.io", true), ("http://x.io:80", "x.io", false), ("http://x.io:443", "x.io:443", false),
        ("x.io:443/", "x.io", true), ("HTTPS://X.IO", "x.io", true), ("\"http://[::1]:5001\"", "[::1]:5001", false),
    ])
    func `a registry may be written as a URL`(_ text: String, _ host: String, _ usesTLS: Bool) throws {
        let service = try Folder().load("rules:\n  a: { registry: \(text) }\n").service
        let upstream = try #require(service.upstreams[try RuleName("a")])
        #expect(upstream.governor.client.host.description == host)
        #expect(upstream.governor.client.usesTLS == usesTLS)
        #expect(service.rules[try RuleName("a")]?.host?.description == host)
    }

    @Test(arguments: [
        ("", PacingSettings()),
        ("bandwidth: 50MiB/s, requestRate: 100/s", PacingSettings(bandwidth: 50 << 20, requestsPerSecond: 100)),
        ("requestRate: 30/m, hedging: false", PacingSettings(requestsPerSecond: 0.5, hedges: false)),
        ("bandwidth: 100MB/s, requestRate: 7200/h", PacingSettings(bandwidth: 100_000_000, requestsPerSecond: 2)),
    ])
    func `a rule says how hard its upstream is asked`(_ keys: String, _ expected: PacingSettings) throws {
        let service = try Folder().load("rules:\n  a: { registry: x.io\(keys.isEmpty ? "" : ", \(keys)") }\n").service
        #expect(try service.upstreams[RuleName("a")]?.governor.client.pacing == expected)
    }

    @Test func `well-known registries can be switched off, or chosen`() throws {
        let none = try Folder().load("wellKnownRegistries: false").service.rules
        #expect(none.rules.isEmpty)
        #expect(none.defaultRule == nil)
        let some = try Folder().load("wellKnownRegistries: [ghcr.io, docker.io]").service.rules
        #expect(some.rules.map(\.name.description) == ["docker.io", "ghcr.io"])
        let own = try rules("g: { registry: ghcr.io }", more: "wellKnownRegistries: false")
        #expect(own.rules.map(\.name.description) == ["g"])
        #expect(try host("g", in: own) == "ghcr.io")
    }

    @Test(
        arguments: [
            ("defaultRule: a", "a"), ("defaultRule: quay.io", "quay.io"), ("defaultRule: none", nil), ("", "docker.io"),
            ("defaultRule: registry-1.docker.io", "docker.io"),
        ] as [(String, String?)])
    func `the default rule can be chosen`(_ yaml: String, _ expected: String?) throws {
        let rules = try rules("a: { registry: x.io }", more: yaml)
        #expect(rules.defaultRule?.description == expected)
    }
}
