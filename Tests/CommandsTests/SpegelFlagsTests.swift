import Foundation
import LibP2P
import OCI
import PeerRegistry
import RegistryServer
import Testing

@testable import Commands

/// What the flags and variables of `spegel registry` come to.
@Suite struct SpegelFlagsTests {
    private static let peer = "/ip4/10.0.0.5/tcp/5001/p2p/12D3KooWBtg3aaRMjxwedh83aGiUkwSxDwUZkzuJcfaqUmo7R3pq"

    private func node(_ flags: [String], _ environment: [String: String] = [:]) throws -> NodeConfiguration {
        let parsed = try WeirProgram.command(["spegel", "registry"] + flags)
        let command = try #require(parsed as? SpegelRegistryCommand)
        var variables = ["BOOTSTRAP_KIND": "dns", "DNS_BOOTSTRAP_DOMAIN": "spegel"]
        variables.merge(environment) { $1 }
        return try command.node(SpegelEnvironment(variables))
    }

    @Test func `without flags it is what Spegel does`() throws {
        let node = try node([])
        #expect(node.server.listen == ["0.0.0.0:5000"] && node.pagesListen == ["0.0.0.0:9090"])
        #expect(node.peerListen == NodeConfiguration.standardPeerListen(port: 5001))
        #expect(node.directory == nil && node.showsPages && node.usesSpegelNames)
        #expect(node.containerdSocket == "/run/containerd/containerd.sock" && node.containerdNamespace == "k8s.io")
        #expect(node.registry.order == [.peers] && node.registry.tagsFromPeers == .always)
        #expect(node.registry.resolveTimeout == .milliseconds(20) && node.registry.lookupLimit == 3)
        #expect(node.bootstrap == [.dns("spegel")] && node.bootstrapListen == nil)
    }

    @Test func `addresses and places are those that are given, by flag before environment`() throws {
        let environment = [
            "REGISTRY_ADDR": "10.0.0.1:5100", "ROUTER_ADDR": "[fd00::1]:5101", "METRICS_ADDR": ":9191",
            "DATA_DIR": "/d",
            "CONTAINERD_SOCK": "/s", "CONTAINERD_NAMESPACE": "n", "CONTAINERD_CONTENT_PATH": "/c",
            "MIRROR_RESOLVE_RETRIES": "5",
        ]
        let byEnvironment = try node([], environment)
        #expect(byEnvironment.server.listen == ["10.0.0.1:5100"] && byEnvironment.registry.registryPort == 5100)
        let router = try Multiaddr("/ip6/fd00::1/tcp/5101")
        #expect(byEnvironment.peerListen == [router])
        #expect(byEnvironment.pagesListen == ["0.0.0.0:9191"] && byEnvironment.directory == "/d")
        #expect(byEnvironment.containerdSocket == "/s" && byEnvironment.containerdNamespace == "n")
        #expect(byEnvironment.contentDirectory == "/c" && byEnvironment.registry.lookupLimit == 5)
        let byFlag = try node(["--registry-addr", ":5000", "--router-addr=10.0.0.2:1"], environment)
        #expect(byFlag.server.listen == ["0.0.0.0:5000"])
        let other = try Multiaddr("/ip4/10.0.0.2/tcp/1")
        #expect(byFlag.peerListen == [other])
    }

    @Test func `no retries mean every peer that a look-up finds`() throws {
        #expect(try node(["--mirror-resolve-retries", "0"]).registry.lookupLimit == 20)
        #expect(throws: CommandFailure.self) { try node(["--mirror-resolve-retries", "1001"]) }
    }

    @Test(arguments: [
        ("0.5s", 500), ("1m30s", 90_000), ("100ms", 100), ("1.5h", 5_400_000), ("0", 0), ("+20ms", 20), (".5s", 500),
        ("1.s", 1000), ("1000us", 1), ("30s1m", 90_000), ("2000µs", 2),
    ])
    func `durations are Go's`(_ text: String, _ milliseconds: Int) throws {
        #expect(try node(["--mirror-resolve-timeout", text]).registry.resolveTimeout == .milliseconds(milliseconds))
    }

    @Test(arguments: ["", "5", "s", ".s", "1..5s", "1,5s", "1d", "-1s", "1 s", "999999h", "1e3s", "１s"])
    func `what is no duration of Go's is none`(_ text: String) {
        #expect(GoText.duration(text) == nil)
    }

    private func hides(_ node: NodeConfiguration, _ repository: String) throws -> Bool {
        !node.filter.allows(try RegistryHost("ghcr.io"), try RepositoryName(repository))
    }

    @Test func `an expression with a comma or a blank hides what it says`() throws {
        let expression = #"^ghcr\.io/team/a{1,2}/"#
        for given in [
            try node(["--registry-filters", expression]), try node(["--registry-filters=\(expression)"]),
            try node(["--registry-filters", "(x| y)", expression, "^quay"]),
            try node([], ["REGISTRY_FILTERS": "\"\(expression)\",^quay"]),
        ] {
            #expect(try hides(given, "team/aa/private"))
            #expect(try !hides(given, "team/b/public"))
        }
    }

    @Test(arguments: [
        ("", []), ("a,b", ["a", "b"]), (" a , b ", ["a", "b"]), ("\"a,b\",c", ["a,b", "c"]), ("\"a\"\"b\"", ["a\"b"]),
        ("a b", ["a b"]), ("a\nb,\r\nc\n", ["a", "b", "c"]), ("a,,b,", ["a", "b"]), ("\" a\"", [" a"]),
        ("a\"b", nil), ("\"a", nil), ("\"a\"b", nil),
    ])
    func `a variable is a line of CSV`(_ text: String, _ expected: [String]?) {
        #expect(GoText.list(text) == expected)
    }

    @Test func `a variable that is no CSV is refused, since a filter would be lost`() {
        #expect(throws: CommandFailure.self) { try node([], ["REGISTRY_FILTERS": "\"^ghcr"]) }
        #expect(throws: CommandFailure.self) { try node(["--registry-filters", "("]) }
    }

    @Test func `registries that are named are those that take part`() throws {
        let hub = try RepositoryName("library/x")
        for given in [
            try node(["--mirrored-registries", "https://docker.io", "https://quay.io"]),
            try node([], ["MIRRORED_REGISTRIES": "https://docker.io,https://quay.io"]),
        ] {
            #expect(given.filter.allows(.dockerHub, hub))
            #expect(try hides(given, "a"))
        }
        let open = try node(["--mirrored-registries", "_default"])
        #expect(try !hides(open, "a"))
    }

    @Test(
        arguments: [
            (["--http-bootstrap-url", "http://a:1/id"], [:], "http://a:1/id"),
            (["--http-bootstrap-peer", "http://a:1/id"], [:], "http://a:1/id"),
            ([], ["HTTP_BOOTSTRAP_PEER": "a:1"], "http://a:1/id"), (["--http-bootstrap-addr", ":2"], [:], nil),
            (["--http-bootstrap-peer", "b"], ["HTTP_BOOTSTRAP_URL": "https://a/id"], "https://a/id"),
        ] as [([String], [String: String], String?)])
    func `peers are asked for by HTTP, by either name`(
        _ flags: [String], _ environment: [String: String], _ url: String?
    ) throws {
        let given = try node(["--bootstrap-kind", "http"] + flags, environment)
        #expect(given.bootstrap == (url.map { [.http(url: $0, tls: PeerHTTP.TLS())] } ?? []))
        #expect(given.bootstrapListen == (url == nil ? "0.0.0.0:2" : nil))
    }

    @Test func `peers may be named`() throws {
        let expected = [NodeConfiguration.Bootstrap.addresses([try Multiaddr(Self.peer)])]
        #expect(try node(["--bootstrap-kind=static", "--static-bootstrap-peers", Self.peer]).bootstrap == expected)
        let environment = ["BOOTSTRAP_KIND": "static", "STATIC_BOOTSTRAP_PEERS": "\(Self.peer),"]
        #expect(try node([], environment).bootstrap == expected)
        #expect(throws: CommandFailure.self) { try node([], ["BOOTSTRAP_KIND": "static"]) }
    }

    @Test func `either file of the account may be missing`() throws {
        let folder = try Folder()
        #expect(SpegelForm.authorization(directory: folder.path) == nil)
        try folder.write("user\n", to: "username")
        #expect(SpegelForm.authorization(directory: folder.path) == "Basic dXNlcjo=")
        try folder.write("pass", to: "password")
        #expect(SpegelForm.authorization(directory: folder.path) == "Basic dXNlcjpwYXNz")
    }

    @Test func `a flag that has no effect here is told`() throws {
        let flags = ["spegel", "registry", "--containerd-registry-config-path", "/etc/containerd/certs.d"]
        for (given, count) in [(flags, 1), (Array(flags.prefix(2)), 0)] {
            let parsed = try WeirProgram.command(given)
            let command = try #require(parsed as? SpegelRegistryCommand)
            #expect(command.warnings().count == count)
        }
    }

    @Test(arguments: [([], "weir "), (["--format", "json"], "{\"version\":\"")])
    func `the version is told where Spegel tells its own`(_ flags: [String], _ start: String) async throws {
        let outcome = try await ProgramTests.run(["spegel", "version"] + flags)
        #expect(outcome.code == 0 && outcome.output.hasPrefix(start), "\(outcome.errors)")
    }
}
