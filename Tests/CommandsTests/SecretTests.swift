import PullThroughCache
import RegistryServer
import Rules
import Testing
import UpstreamClient

@testable import Commands

@Suite struct SecretTests {
    private let yaml = """
        proxy: { https: "http://me:hush-proxy@h:1" }
        rules:
          a: { registry: a.io, username: u, accessToken: hush-token }
          b: { registry: b.io, username: u, password: "${env:P}" }
          c: { registry: c.io, identityToken: hush-identity }
        """

    @Test func `what is shown has no secret in it`() throws {
        let loaded = try Folder().load(yaml, environment: ["P": "hush-environment"])
        for text in [loaded.shown().yaml, loaded.shown().text] {
            #expect(!text.contains("hush"))
            #expect(text.contains("********"))
            #expect(text.contains("http://********@h:1"))
        }
    }

    @Test func `a secret prints nothing of itself`() {
        let secret = Secret("hush")
        var dumped = ""
        dump(secret, to: &dumped)
        for text in ["\(secret)", String(reflecting: secret), "\([secret])", dumped, String(reflecting: ["x": secret])]
        {
            #expect(!text.contains("hush"), "\(text)")
        }
        #expect(secret.reveal() == "hush")
    }

    @Test(arguments: [
        "rules: { a: { registry: a.io, accessToken: [hush] } }",
        "rules: { a: { registry: 'https://u:hush@a.io' } }",
        "rules: { a: { registry: a.io, username: 'x', accessToken: hush, idntityToken: hush } }",
        "rules: { a: { registry: a.io, username: 'x', accessToken: hush } }\nfoo: [",
        "proxy: { http: 'ftp://u:hush@h:1' }",
        "listen: '${env:S}'",
        "storage: { limit: '${env:S}' }",
        "log: { level: '${env:S}', access: '${env:S}' }",
        "freshness: { moving: '${env:S}', tags: { a: '${env:S}' } }",
        "limits: { connections: '${env:S}', manifestBytes: '${env:S}' }",
        "outage: { notFound: '${env:S}' }",
        "rules: { a: { registry: '${env:S} x' } }",
    ])
    func `no message repeats a secret`(_ yaml: String) throws {
        let problems = try Folder().problems(yaml, environment: ["S": "hush hush"])
        #expect(!problems.isEmpty)
        for problem in problems { #expect(!problem.contains("hush"), "\(problem)") }
    }

    @Test func `what is shown can be read again, and is the same`() throws {
        let folder = try Folder()
        let yaml = """
            listen: ["127.0.0.1:0", "[::1]:0"]
            storage: { directory: /s, limit: 80%, highWatermark: 90, lowWatermark: 70 }
            freshness: { moving: 1h30m, tags: { "v1.*": 1d } }
            outage: { notFound: pass-on, unreachable: { serveStale: 7d } }
            wellKnownRegistries: [quay.io]
            rules:
              a/b: { registry: "http://a.io", virtualHosts: [v.corp], trustedRealms: [auth.io], upstreamPrefix: x }
              hub: { registry: docker.io, attempts: 5, timeouts: { stall: 250ms } }
            """
        let first = try folder.load(yaml)
        let second = try folder.load(first.shown().yaml)
        #expect(second.shown() == first.shown())
        #expect(second.service.upstreams == first.service.upstreams)
        #expect(second.service.rules.rules == first.service.rules.rules)
        #expect(second.service.server == first.service.server)
        #expect(second.service.cache == first.service.cache)
    }
}
