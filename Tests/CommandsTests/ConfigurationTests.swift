import CloudCredentials
import Credentials
import Foundation
import Logging
import OCI
import PullThroughCache
import QuotaGovernor
import RegistryServer
import Rules
import Testing
import UpstreamClient

@testable import Commands

@Suite struct ConfigurationTests {
    private let whole = """
        listen: 0.0.0.0:5000
        storage: { directory: /var/lib/weir, limit: 200GiB }
        rules:
          dockerhub: { registry: registry-1.docker.io, username: me, accessToken: "${file:hub}" }
          lab:       { registry: "http://127.0.0.1:5001" }
        """

    @Test func `the configuration of the first page works as it stands`() async throws {
        let folder = try Folder()
        try folder.write("dckr_pat_x\n", to: "hub")
        let service = try folder.load(whole).service
        #expect(service.server.listen == ["0.0.0.0:5000"])
        #expect(service.storeDirectory == "/var/lib/weir")
        #expect(service.controlSocket == "/var/lib/weir/control.sock")
        #expect(service.cache.storeLimit == StoreLimit(cap: .bytes(200 << 30)))
        let hub = try #require(service.upstreams[try RuleName("dockerhub")])
        #expect(hub.governor.client.host.description == "registry-1.docker.io")
        #expect(hub.governor.client.usesTLS)
        #expect(try await credentials(of: hub) == [.basic(username: "me", password: "dckr_pat_x")])
        let lab = try #require(service.upstreams[try RuleName("lab")])
        #expect(lab.governor.client.host.description == "127.0.0.1:5001")
        #expect(!lab.governor.client.usesTLS)
        #expect(lab.accounts.isEmpty)
        #expect(lab.governor.allowsAnonymous)
        #expect(!hub.governor.allowsAnonymous)
    }

    @Test(
        arguments: [
            ("library/nginx", nil, "dockerhub/library/nginx"),
            ("nginx", nil, "dockerhub/library/nginx"),
            ("dockerhub/library/nginx", nil, "dockerhub/library/nginx"),
            ("docker.io/library/nginx", nil, "dockerhub/library/nginx"),
            ("library/nginx", "docker.io", "dockerhub/library/nginx"),
            ("library/nginx", "registry-1.docker.io", "dockerhub/library/nginx"),
            ("lab/x", nil, "lab/x"),
            ("x", "127.0.0.1:5001", "lab/x"),
            ("ghcr.io/a/b", nil, "ghcr.io/a/b"),
            ("a/b", "quay.io", "quay.io/a/b"),
        ] as [(String, String?, String)])
    func `its rules are found by every way of addressing`(
        _ name: String, _ namespace: String?, _ expected: String
    ) throws {
        let folder = try Folder()
        try folder.write("token", to: "hub")
        let rules = try folder.load(whole).service.rules
        let found = try rules.resolve(name, namespace: namespace, authority: "weir:5000")
        #expect(found.repository.description == expected)
    }

    @Test func `without a configuration the public registries are known`() throws {
        let folder = try Folder()
        let loaded = try ConfigurationLoader(
            environment: ["HOME": "/home/me"], workingDirectory: folder.path, fallbackFile: "/nonexistent"
        ).load()
        #expect(loaded.file == nil)
        #expect(
            loaded.service.rules.rules.map(\.name.description) == [
                "docker.io", "ghcr.io", "quay.io", "registry.k8s.io", "gcr.io", "mcr.microsoft.com", "public.ecr.aws",
                "registry.gitlab.com", "nvcr.io",
            ])
        #expect(loaded.service.rules.defaultRule?.description == "docker.io")
        let gitlab = try #require(loaded.service.upstreams[try RuleName("registry.gitlab.com")])
        #expect(gitlab.governor.client.trustedRealmHosts.map(\.description) == ["gitlab.com"])
        let hub = try #require(loaded.service.upstreams[try RuleName("docker.io")])
        #expect(hub.governor.client.host.description == "registry-1.docker.io")
        #expect(loaded.service.server == RegistryServer.Configuration())
        #expect(loaded.service.cache == CacheConfiguration())
        #expect(loaded.warnings.isEmpty)
    }

    @Test func `an empty file, or one of comments, is no error`() throws {
        #expect(try Folder().problems("") == [])
        #expect(try Folder().problems("# nothing\n") == [])
        #expect(try Folder().problems("rules:\nstorage:\n") == [])
    }

    @Test func `flags come before the environment, and that before the file`() throws {
        let folder = try Folder()
        let yaml = "listen: a:1\nlog: { level: error }\nstorage: { directory: /file, limit: 1GiB }"
        let environment = [
            "WEIR_LISTEN": "b:2, c:3", "WEIR_STORAGE_DIRECTORY": "relative", "WEIR_SOCKET": "/run/w.sock",
            "WEIR_STORAGE_HIGH_WATERMARK": "90%",
        ]
        let fromFile = try folder.load(yaml).service
        #expect(fromFile.server.listen == ["a:1"])
        let fromEnvironment = try folder.load(yaml, environment: environment).service
        #expect(fromEnvironment.server.listen == ["b:2", "c:3"])
        #expect(fromEnvironment.storeDirectory == "\(folder.path)/relative")
        #expect(fromEnvironment.controlSocket == "/run/w.sock")
        #expect(fromEnvironment.log.level == "error")
        #expect(fromEnvironment.cache.storeLimit.highWatermark == 90)
        #expect(fromEnvironment.cache.storeLimit.cap == .bytes(1 << 30))
        let fromFlags = try folder.load(
            yaml, flags: [("--listen", ["listen"], "d:4"), ("--log-level", ["log", "level"], "debug")],
            environment: environment
        ).service
        #expect(fromFlags.server.listen == ["d:4"])
        #expect(fromFlags.log.level == "debug")
        #expect(fromFlags.storeDirectory == "\(folder.path)/relative")
    }

    @Test func `errors of flags and variables name them`() throws {
        let folder = try Folder()
        #expect(
            try folder.problems("", environment: ["WEIR_STORAGE_LIMIT": "lots"]) == [
                "WEIR_STORAGE_LIMIT: 'lots' is no size; write a number of bytes, or one with a unit, such as '200GiB' or '10MB'"
            ])
        #expect(
            try folder.problems("", environment: ["WEIR_STORAGE_LIMTI": "1GiB"]) == [
                "WEIR_STORAGE_LIMTI: warning: no setting has this name; did you mean WEIR_STORAGE_LIMIT?"
            ])
        #expect(try folder.problems("", environment: ["WEIR_SERVICE_HOST": "x", "WEIR_PORT_5000_TCP": "y"]) == [])
        #expect {
            try folder.load("", flags: [("--log-format", ["log", "format"], "xml")])
        } throws: {
            "\($0)" == "--log-format: 'xml' is not one of text, json"
        }
    }

    @Test func `the file is found by flag, then by variable`() throws {
        let folder = try Folder()
        let flag = try folder.write("listen: a:1", to: "a.yaml")
        let variable = try folder.write("listen: b:2", to: "b.yaml")
        let fallback = try folder.write("listen: c:3", to: "c.yaml")
        func listen(_ file: String?, _ environment: [String: String]) throws -> [String] {
            try ConfigurationLoader(
                file: file, environment: environment, workingDirectory: "/", fallbackFile: fallback
            ).load().service.server.listen
        }
        #expect(try listen(flag, ["WEIR_CONFIG": variable]) == ["a:1"])
        #expect(try listen(nil, ["WEIR_CONFIG": variable]) == ["b:2"])
        #expect(try listen(nil, [:]) == ["c:3"])
    }

    /// What the accounts log in with.
    private func credentials(of upstream: RuleUpstream) async throws -> [AccountCredentials] {
        let context = CredentialContext(
            environment: [:], cloud: CloudClient(), logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        var found: [AccountCredentials] = []
        for account in upstream.accounts {
            found.append(try await account.credentials.source(context).credentials().credentials)
        }
        return found
    }

    @Test func `a user name from a file is followed as its password is`() async throws {
        let folder = try Folder()
        try folder.write("old\n", to: "name")
        let loaded = try folder.load(
            """
            rules:
              a: { registry: a.io, username: "${file:name}", accessToken: t }
              b: { registry: b.io, accounts: { x: { username: "x-${file:name}", password: "${file:name}" } } }
            """)
        #expect(loaded.shown().yaml.contains("username: old"))
        try folder.write("new name\n", to: "name")
        for (rule, expected) in [("a", ("new name", "t")), ("b", ("x-new name", "new name"))] {
            let upstream = try #require(loaded.service.upstreams[try RuleName(rule)])
            #expect(
                try await credentials(of: upstream) == [.basic(username: expected.0, password: expected.1)], "\(rule)")
        }
    }

    @Test func `references are put in, and nothing else`() async throws {
        let folder = try Folder()
        try folder.write("first line\r\n", to: "secret")
        let loaded = try folder.load(
            """
            rules:
              a: { registry: "${env:HOST}:5000", username: "$${x}-$5", accessToken: "pre-${file:secret}-${env:T}" }
            """, environment: ["HOST": "reg.example", "T": "${env:HOST}"])
        let upstream = try #require(loaded.service.upstreams[try RuleName("a")])
        #expect(upstream.governor.client.host.description == "reg.example:5000")
        #expect(
            try await credentials(of: upstream)
                == [.basic(username: "${x}-$5", password: "pre-first line-${env:HOST}")])
    }

    @Test func `proxies come from the environment unless the file names them`() throws {
        let folder = try Folder()
        let environment = [
            "https_proxy": "http://u:p@proxy:3128", "HTTPS_PROXY": "http://other:1", "NO_PROXY": "a, .b,",
        ]
        let proxy = try folder.load("", environment: environment).service.proxy
        #expect(proxy == ProxySettings(http: nil, https: "http://u:p@proxy:3128", exceptions: ["a", ".b"]))
        let own = try folder.load(
            "proxy: { https: 'h:1', exceptions: [] }", environment: environment
        ).service.proxy
        #expect(own == ProxySettings(http: nil, https: "h:1", exceptions: []))
        #expect(
            try folder.problems("", environment: ["HTTP_PROXY": "socks5://u:hush@h:1"]) == [
                "HTTP_PROXY: the value is no proxy that weir can use; write http://HOST:PORT"
            ])
    }

    @Test func `freshness and outage of a rule lie over the defaults for all`() throws {
        let rules = try Folder().load(
            """
            freshness: { moving: 1m, exact: 2d, tags: { "*-rc*": 1s } }
            outage: { notFound: pass-on }
            rules:
              a:
                registry: reg.example
                freshness: { moving: 2m, tags: { "nightly-*": 10s } }
                outage: { unreachable: { serveStale: 7d } }
            """
        ).service.rules
        let rule = try #require(rules[try RuleName("a")])
        #expect(rule.freshness.moving == .seconds(120))
        #expect(rule.freshness.exact == .seconds(2 * 86_400))
        #expect(rule.freshness.minor == .seconds(3600))
        #expect(rule.freshness.overrides.map(\.pattern) == ["nightly-*", "*-rc*"])
        #expect(rule.outage.unreachable == .serveStale(maximumAge: .seconds(7 * 86_400)))
        #expect(rule.outage.notFound == .passOn)
        #expect(rules[try RuleName("docker.io")]?.freshness.moving == .seconds(60))
    }

    @Test func `a reload names what waits for a restart, and nothing else`() throws {
        let folder = try Folder()
        let old = try folder.load("rules: { a: { registry: x.example } }").service
        let same = try folder.load("rules: { b: { registry: y.example } }\nlog: { level: debug }").service
        #expect(same.changesThatNeedRestart(since: old) == [])
        let other = try folder.load(
            "listen: a:1\nlimits: { connections: 5 }\ntimeouts: { idle: 5s }\nlog: { format: json }\nstorage: { limit: 1GiB }"
        ).service
        #expect(
            other.changesThatNeedRestart(since: old) == [
                "listen", "storage.limit and watermarks", "limits", "timeouts", "log.format",
            ])
    }
}
