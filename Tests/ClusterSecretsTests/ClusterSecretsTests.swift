import KubernetesClient
import KubernetesTestKit
import Logging
import RegistryTestKit
import Testing

@testable import ClusterSecrets

@Suite struct PullSecretTests {
    private func secret(_ type: String?, _ data: [String: String]) -> JSONTree {
        var secret: JSONTree = [
            "metadata": ["name": "pull", "namespace": "weir"],
            "data": .object(data.mapValues { .string(Base64.encode($0.utf8)) }),
        ]
        if let type { secret["type"] = .string(type) }
        return secret
    }

    @Test
    func `both types give the same form`() throws {
        let auths = #"{"auths":{"ghcr.io":{"auth":"YTpi"}}}"#
        let modern = secret("kubernetes.io/dockerconfigjson", [".dockerconfigjson": auths])
        let old = secret("kubernetes.io/dockercfg", [".dockercfg": #"{"ghcr.io":{"auth":"YTpi"}}"#])
        #expect(String(decoding: try PullSecret.dockerConfig(modern), as: UTF8.self) == auths)
        #expect(String(decoding: try PullSecret.dockerConfig(old), as: UTF8.self) == auths)
    }

    @Test(
        arguments: [
            (nil, [:]), ("Opaque", [".dockerconfigjson": "{}"]), ("kubernetes.io/dockerconfigjson", [:]),
            ("kubernetes.io/dockerconfigjson", [".dockerconfigjson": "{}"]),
            ("kubernetes.io/dockerconfigjson", [".dockerconfigjson": "hunter2"]),
            ("kubernetes.io/dockercfg", [".dockercfg": "[hunter2]"]),
        ] as [(String?, [String: String])])
    func `what is none is refused, and its content never told`(_ type: String?, _ data: [String: String]) {
        let error = #expect(throws: PullSecretFailure.self) { try PullSecret.dockerConfig(secret(type, data)) }
        #expect(error.map { "\($0)".contains("hunter2") } == false)
    }

    @Test
    func `a copy carries type and data and whose it is`() throws {
        var source = secret("kubernetes.io/dockerconfigjson", ["a": "1"])
        source["metadata"]?["labels"] = ["secret": "label"]
        guard case .create(let made) = SecretCopyPlan.action(source: source, copy: nil, namespace: "app") else {
            Issue.record("not created")
            return
        }
        #expect(made.at("metadata", "namespace") == "app")
        #expect(made["data"] == source["data"] && made["type"] == source["type"])
        #expect(made.at("metadata", "labels") == ["app.kubernetes.io/managed-by": "weir"])
        #expect(made.at("metadata", "annotations") == ["weir.dev/copied-from": "weir/pull"])
        let action = { (copy: JSONTree) in SecretCopyPlan.action(source: source, copy: copy, namespace: "app") }
        #expect(action(made) == .nothing)
        var changed = made
        changed["data"] = ["a": "eA=="]
        changed["metadata"]?["resourceVersion"] = "7"
        guard case .replace(let replaced) = action(changed) else {
            Issue.record("not replaced")
            return
        }
        #expect(replaced.at("metadata", "resourceVersion") == "7" && replaced["data"] == source["data"])
        changed["type"] = "kubernetes.io/dockercfg"
        guard case .recreate(_, resourceVersion: "7") = action(changed) else {
            Issue.record("not made anew")
            return
        }
        for (key, value) in [("labels", ["app.kubernetes.io/managed-by": "Helm"]), ("annotations", [:])]
            as [(String, JSONTree)]
        {
            var foreign = made
            foreign["metadata"]?[key] = value
            foreign["data"] = [:]
            #expect(action(foreign) == .leaveForeign)
        }
    }
}

@Suite struct SecretCopierTests {
    private let source = ObjectAddress(.secrets, namespace: "weir", name: "pull")
    private let copy = ObjectAddress(.secrets, namespace: "app", name: "pull")

    private func document(_ text: String) -> JSONTree {
        [
            "type": "kubernetes.io/dockerconfigjson",
            "data": [".dockerconfigjson": .string(Base64.encode(#"{"auths":{"\#(text)":{}}}"#.utf8))],
        ]
    }

    private func withCopier(
        _ body: (TestAPIServer, SecretCopier, PullSecretReader) async throws -> Void
    ) async throws {
        try await TestAPIServer.withRunning(tls: try .init()) { server async throws in
            server.addAccount(
                Account(
                    "weir",
                    grants: [
                        Grant(["get", "list", "watch"], .secrets, namespace: "weir", names: ["pull"]),
                        Grant(["create"], .secrets),
                        Grant(["get", "update", "delete"], .secrets, names: ["pull"]),
                    ]), token: "t")
            let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
            let client = KubernetesClient(server.connection(token: "t"), logger: logger)
            let copier = SecretCopier(client: client, namespace: "weir", timeout: .seconds(30), logger: logger)
            do {
                try await body(server, copier, PullSecretReader(client: client, timeout: .seconds(30)))
                await client.shutdown()
            } catch {
                await client.shutdown()
                throw error
            }
        }
    }

    @Test
    func `a secret is copied, renewed when its original changes, and left alone otherwise`() async throws {
        try await withCopier { server, copier, reader async throws in
            server.put(document("one"), at: source)
            #expect(try await reader.dockerConfig("pull", in: "app") == nil)
            try await copier.ensure("pull", in: "app")
            #expect(server[copy]?["data"] == document("one")["data"])
            #expect(try await reader.dockerConfig("pull", in: "app") == reader.dockerConfig("pull", in: "weir"))
            try await copier.ensure("pull", in: "app")
            try await copier.ensure("pull", in: "weir")
            #expect(server.log.count { ["create", "update", "delete"].contains($0.verb) } == 1)
            let task = Task { await copier.run() }
            try await server.waitForWatches(.secrets)
            server.put(document("two"), at: source)
            let wanted = document("two")["data"]
            try await server.wait(for: "the renewal", copy) { $0?["data"] == wanted }
            task.cancel()
            await task.value
        }
    }

    @Test
    func `another's secret stays, and another replica's copy is no failure`() async throws {
        try await withCopier { server, copier, _ async throws in
            server.put(document("one"), at: source)
            server.put(document("theirs"), at: copy)
            try await copier.ensure("pull", in: "app")
            #expect(server[copy]?["data"] == document("theirs")["data"])
            server.remove(copy)
            server.refuse(.init(APIStatus(409, "AlreadyExists", "another replica"), verb: "create"))
            try await copier.ensure("pull", in: "app")
            #expect(server[copy]?["data"] == document("one")["data"])
        }
    }

    @Test
    func `what cannot be copied is told`() async throws {
        try await withCopier { server, copier, reader async throws in
            await #expect(throws: PullSecretFailure.missing) { try await copier.ensure("pull", in: "app") }
            server.put(["type": "Opaque", "data": ["password": "eA=="]], at: source)
            await #expect(throws: PullSecretFailure.self) { try await copier.ensure("pull", in: "app") }
            await #expect(throws: PullSecretFailure.self) { _ = try await reader.dockerConfig("pull", in: "weir") }
            let forbidden = await #expect(throws: PullSecretFailure.self) {
                try await copier.ensure("other", in: "app")
            }
            #expect(forbidden.map { "\($0)".contains("Forbidden") } == true)
            #expect(server[copy] == nil)
        }
    }
}
