import Foundation
import KubernetesTestKit
import RegistryTestKit
import Testing
import Timekeeping

@testable import KubernetesClient

@Suite struct ConnectionTests {
    private let secret = ObjectAddress(.secrets, namespace: "weir", name: "s")

    // MARK: In a cluster

    @Test
    func `in a cluster the service account's files say everything, and a new token is taken up`() async throws {
        let folder = try Folder()
        let certificates = try TestCertificatesHolder.shared()
        try await TestAPIServer.withRunning(tls: certificates) { server async throws in
            server.put([:], at: secret)
            server.addAccount(Account("weir"), token: "first")
            try folder.write("first\n", to: "token")
            try folder.write(try String(contentsOfFile: certificates.authorityFile, encoding: .utf8), to: "ca.crt")
            try folder.write("team", to: "namespace")
            let connection = try InClusterConfiguration.connection(
                environment: ["KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": "\(server.port)"],
                directory: folder.path)
            #expect(connection.namespace == "team")
            let clock = ManualWallClock()
            try await withClient(connection, clock: clock) { client async throws in
                #expect(try await client.find(secret) != nil)
                // Replaced, and still good: read again after a minute.
                server.addAccount(Account("weir-2"), token: "second")
                try folder.write("second\n", to: "token")
                #expect(try await client.find(secret) != nil)
                #expect(server.log.map(\.user) == ["weir", "weir"])
                clock.advance(by: .seconds(61))
                #expect(try await client.find(secret) != nil)
                #expect(server.log.last?.user == "weir-2")
                // Refused: read again at once.
                server.addAccount(Account("weir-3"), token: "third")
                server.removeToken("second")
                try folder.write("third\n", to: "token")
                #expect(try await client.find(secret) != nil)
                #expect(server.log.last?.user == "weir-3")
            }
        }
    }

    @Test(arguments: [
        [:], ["KUBERNETES_SERVICE_HOST": "h"], ["KUBERNETES_SERVICE_HOST": "h", "KUBERNETES_SERVICE_PORT": "x"],
        ["KUBERNETES_SERVICE_HOST": "h", "KUBERNETES_SERVICE_PORT": "443"],
    ])
    func `what is missing of it is told`(_ environment: [String: String]) {
        #expect(throws: ClusterConnectionError.self) {
            try InClusterConfiguration.connection(environment: environment, directory: "/nowhere")
        }
    }

    // MARK: kubeconfig

    private static let cluster = """
        apiVersion: v1
        kind: Config
        clusters:
        - name: one
          cluster: { server: "https://[::1]:6443/prefix/", certificate-authority: ca.pem, tls-server-name: api }
        - name: two
          cluster: { server: "http://localhost", insecure-skip-tls-verify: true, proxy-url: "socks5://proxy:1081" }
        users:
        - name: me
          user: { token: inline, tokenFile: secrets/token }
        contexts:
        - name: first
          context: { cluster: one, user: me, namespace: team }
        - name: second
          context: { cluster: two }
        current-context: first
        """

    @Test
    func `a context gives the cluster, the user and the namespace, paths from the file's folder`() throws {
        let folder = try Folder()
        let file = try folder.write(Self.cluster, to: "config")
        let config = try Kubeconfig(files: [file])
        #expect(
            try config.connection()
                == ClusterConnection(
                    server: .init(host: "::1", port: 6443, path: "/prefix"),
                    trust: .authorities(.file("\(folder.path)/ca.pem")), serverName: "api",
                    proof: .tokenFile("\(folder.path)/secrets/token"), namespace: "team"))
        #expect(
            try config.connection(context: "second")
                == ClusterConnection(
                    server: .init(usesTLS: false, host: "localhost", port: 80), trust: .nothingVerified,
                    proxy: .socks5(host: "proxy", port: 1081)))
    }

    @Test
    func `of several files the first that has a name says what it is`() throws {
        let folder = try Folder()
        let first = try folder.write(
            """
            users: [{ name: me, user: { token: mine } }]
            contexts: [{ name: other, context: { cluster: one, user: me } }]
            """, to: "a/config")
        let second = try folder.write(Self.cluster, to: "b/config")
        let list = "\(first):\(folder.path)/missing:\(second)"
        let config = try Kubeconfig.standard(environment: ["KUBECONFIG": list])
        let connection = try config.connection()
        #expect(connection.proof == .token("mine"))
        #expect(connection.trust == .authorities(.file("\(folder.path)/b/ca.pem")))
        #expect(try config.connection(context: "other").namespace == "default")
        #expect(throws: ClusterConnectionError.self) {
            try Kubeconfig.standard(environment: ["KUBECONFIG": "\(folder.path)/missing"])
        }
    }

    @Test(arguments: [
        ("user: { username: a, password: b }", "user names and passwords"),
        ("user: { auth-provider: { name: gcp } }", "auth-provider"),
        ("user: { as: root, token: t }", "impersonation"),
        ("user: { client-certificate: a.pem }", "belong together"),
        ("user: { client-certificate-data: '%%%', client-key-data: '' }", "Base64"),
        ("user: { exec: { apiVersion: client.authentication.k8s.io/v1alpha1, command: x } }", "apiVersion"),
        ("user: { exec: { apiVersion: client.authentication.k8s.io/v1 } }", "command"),
        (
            "user: { exec: { apiVersion: client.authentication.k8s.io/v1, command: x, interactiveMode: Always } }",
            "nobody is there"
        ),
    ])
    func `what is not supported is refused with a word`(_ user: String, _ word: String) throws {
        let folder = try Folder()
        let file = try folder.write(
            """
            clusters: [{ name: c, cluster: { server: "https://h:1" } }]
            users: [{ name: u, \(user) }]
            contexts: [{ name: x, context: { cluster: c, user: u } }]
            current-context: x
            """, to: "config")
        let error = #expect(throws: ClusterConnectionError.self) { try Kubeconfig(files: [file]).connection() }
        #expect(error?.description.contains(word) == true)
    }

    @Test(arguments: [
        "", "- a", "a: [", "clusters: [{ name: c }]", "current-context: x",
        "contexts: [{ name: x, context: { cluster: c } }]\ncurrent-context: x",
        "clusters: [{ name: c, cluster: { server: 'ftp://h' } }]\ncontexts: [{ name: x, context: { cluster: c } }]\ncurrent-context: x",
        "clusters: [{ name: c, cluster: { server: 'https://u:p@h' } }]\ncontexts: [{ name: x, context: { cluster: c } }]\ncurrent-context: x",
        "a: &a [1]\nb: [" + String(repeating: "*a,", count: 30) + "]",
    ])
    func `a kubeconfig that is none, or not enough, is refused`(_ text: String) throws {
        let folder = try Folder()
        let file = try folder.write(text, to: "config")
        #expect(throws: ClusterConnectionError.self) { try Kubeconfig(files: [file]).connection() }
    }

    // MARK: TLS

    @Test
    func `a client certificate identifies, by data and by file`() async throws {
        let certificates = try TestCertificatesHolder.shared()
        try await TestAPIServer.withRunning(tls: certificates) { server async throws in
            server.put([:], at: secret)
            server.addAccount(Account("certified"), commonName: "Test client")
            let chain = try Data(contentsOf: URL(filePath: certificates.clientCertificateFile))
            let key = try Data(contentsOf: URL(filePath: certificates.clientKeyFile))
            for certificate in [
                ClusterConnection.ClientCertificate(chain: .data(Array(chain)), key: .data(Array(key))),
                .init(chain: .file(certificates.clientCertificateFile), key: .file(certificates.clientKeyFile)),
            ] {
                var connection = server.connection()
                connection.clientCertificate = certificate
                try await withClient(connection) { client async throws in #expect(try await client.find(secret) != nil)
                }
                #expect(server.log.last?.user == "certified")
            }
        }
    }

    @Test
    func `a server is who its certificate says, by the host's name or another that was agreed`() async throws {
        let certificates = try TestCertificatesHolder.shared()
        // An address that the certificate does not name: only the name that was agreed can be right.
        try await TestAPIServer.withRunning(tls: certificates, host: "127.0.0.9") { server async throws in
            server.put([:], at: secret)
            server.addAccount(Account("a"), token: "t")
            var connection = server.connection(token: "t")
            connection.serverName = "api.cluster.test"
            try await withClient(connection) { client async throws in #expect(try await client.find(secret) != nil) }
            connection.serverName = "another.test"
            try await withClient(connection) { client async throws in
                let error = await #expect(throws: KubernetesError.self) { try await client.find(secret) }
                #expect(error == .unreachable(reason: "TLS: the certificate is for another name"))
            }
            connection.serverName = nil
            await #expect(throws: KubernetesError.self) {
                try await withClient(connection) { client async throws in _ = try await client.find(secret) }
            }
            connection.trust = .system
            try await withClient(connection) { client async throws in
                let error = await #expect(throws: KubernetesError.self) { try await client.find(secret) }
                #expect("\(String(describing: error))".contains("not signed by a trusted authority"))
            }
            connection.trust = .nothingVerified
            try await withClient(connection) { client async throws in #expect(try await client.find(secret) != nil) }
        }
    }

    // MARK: Plug-ins

    private func plugin(_ folder: Folder, _ script: String, timeout: Duration = .seconds(30)) throws -> ExecPlugin {
        let path = try folder.write("#!/bin/sh\n\(script)\n", to: "plugin", isExecutable: true)
        return ExecPlugin(
            version: .v1, command: path, arguments: ["x"], environment: ["CLUSTER": "c 1"], cluster: ["server": "s"],
            timeout: timeout)
    }

    @Test
    func `a plug-in is asked once, again before its credentials end, and again when they are refused`() async throws {
        let folder = try Folder()
        try await TestAPIServer.withRunning(tls: try TestCertificatesHolder.shared()) { server async throws in
            server.put([:], at: secret)
            for number in 1...9 { server.addAccount(Account("user-\(number)"), token: "token-\(number)") }
            let clock = ManualWallClock(Timestamp(seconds: 1_714_557_600))
            let plugin = try plugin(
                folder,
                """
                echo "$1 $CLUSTER $KUBERNETES_EXEC_INFO" >>\(folder.path)/log
                n=$(wc -l <\(folder.path)/log | tr -d ' ')
                echo '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{'
                echo '"expirationTimestamp":"2024-05-01T11:00:00Z","token":"token-'$n'"}}'
                """)
            var connection = server.connection()
            connection.proof = .plugin(plugin)
            try await withClient(connection, clock: clock) { client async throws in
                await withTaskGroup(of: Void.self) { group in
                    for _ in 1...5 {
                        group.addTask {
                            let found = try? await client.find(secret)
                            #expect(found != nil)
                        }
                    }
                }
                #expect(Set(server.log.map(\.user)) == ["user-1"])
                clock.advance(by: .seconds(3571))
                #expect(try await client.find(secret) != nil)
                #expect(server.log.last?.user == "user-2")
                // Already over when it is given: not asked for each request all the same.
                #expect(try await client.find(secret) != nil)
                #expect(server.log.last?.user == "user-2")
                clock.advance(by: .seconds(6))
                server.removeToken("token-3")
                #expect(try await client.find(secret) != nil)
                #expect(server.log.last?.user == "user-4")
            }
            let line = try String(contentsOfFile: "\(folder.path)/log", encoding: .utf8).split(separator: "\n")[0]
            #expect(line.hasPrefix(#"x c 1 {"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential""#))
            #expect(line.contains(#""cluster":{"server":"s"}"#))
        }
    }

    @Test(arguments: [
        ("exit 3", "failed"), ("sleep 60", "did not end in time"), ("echo nonsense", "not JSON"),
        (#"echo '{"kind":"Pod"}'"#, "no ExecCredential"),
        (
            #"echo '{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1beta1","status":{"token":"t"}}'"#,
            "another version"
        ),
        (
            #"echo '{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1","status":{}}'"#,
            "neither a token nor"
        ),
        ("yes", "cannot be run"),
    ])
    func `a plug-in that fails is told, and nothing is asked`(_ script: String, _ word: String) async throws {
        let folder = try Folder()
        try await TestAPIServer.withRunning { server async throws in
            var connection = server.connection()
            connection.proof = .plugin(
                try plugin(folder, script, timeout: script.hasPrefix("sleep") ? .milliseconds(100) : .seconds(30)))
            try await withClient(connection) { client async throws in
                let error = await #expect(throws: KubernetesError.self) { try await client.find(secret) }
                #expect("\(String(describing: error))".contains(word), "\(String(describing: error))")
                #expect(server.log.isEmpty)
            }
        }
    }
}
