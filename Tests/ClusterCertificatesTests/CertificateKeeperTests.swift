import Foundation
import KubernetesClient
import KubernetesTestKit
import Logging
import RegistryTestKit
import Testing
import Timekeeping

@testable import ClusterCertificates

@Suite struct CertificateKeeperTests {
    private let secret = ObjectAddress(.secrets, namespace: "weir", name: "tls")
    private let mutating = ObjectAddress(.mutatingWebhookConfigurations, name: "weir")
    private let validating = ObjectAddress(.validatingWebhookConfigurations, name: "weir")

    private static let webhooks: JSONTree = [
        "webhooks": [
            [
                "name": "pods.weir.dev", "sideEffects": "None", "admissionReviewVersions": ["v1"],
                "clientConfig": ["service": ["name": "weir", "namespace": "weir"]], "failurePolicy": "Ignore",
            ],
            [
                "name": "second.weir.dev", "sideEffects": "None", "admissionReviewVersions": ["v1"],
                "clientConfig": ["service": ["name": "weir", "namespace": "weir"], "caBundle": "b2xk"],
            ],
        ]
    ]

    /// With the rights that the deployment's Role and ClusterRole give, and no more.
    private static let grants = [
        Grant(["create"], .secrets, namespace: "weir"),
        Grant(["get", "list", "watch", "update"], .secrets, namespace: "weir", names: ["tls"]),
        Grant(["get", "patch"], .mutatingWebhookConfigurations, names: ["weir"]),
        Grant(["get", "patch"], .validatingWebhookConfigurations, names: ["weir"]),
    ]

    private func withKeeper(
        clock: ManualWallClock = ManualWallClock(),
        _ body: (TestAPIServer, KubernetesClient, CertificateKeeper) async throws -> Void
    ) async throws {
        try await TestAPIServer.withRunning(tls: try .init()) { server async throws in
            server.addAccount(Account("weir", grants: Self.grants), token: "t")
            server.put(Self.webhooks, at: mutating)
            server.put(Self.webhooks, at: validating)
            let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
            let client = KubernetesClient(
                server.connection(token: "t"), sleep: { _ in try Task.checkCancellation() }, logger: logger)
            let keeper = CertificateKeeper(
                client: client,
                configuration: .init(
                    namespace: "weir", secretName: "tls", mutatingConfigurations: ["weir"],
                    validatingConfigurations: ["weir", "absent"],
                    plan: CertificatePlan(
                        names: ["weir.weir.svc"], authorityLifetime: .seconds(3000), servingLifetime: .seconds(900),
                        overlap: .seconds(100))),
                clock: clock, logger: logger)
            do {
                try await body(server, client, keeper)
                await client.shutdown()
            } catch {
                await client.shutdown()
                throw error
            }
        }
    }

    private func bundles(_ server: TestAPIServer, _ address: ObjectAddress) -> Set<String> {
        Set(
            (server[address]?["webhooks"]?.array ?? []).map { webhook in
                webhook.at("clientConfig", "caBundle")?.string.flatMap { Data(base64Encoded: $0) }
                    .map { String(decoding: $0, as: UTF8.self) } ?? ""
            })
    }

    @Test
    func `certificates are made once, and every webhook is told its authority and nothing else`() async throws {
        try await withKeeper { server, _, keeper async throws in
            // The name that is not there is refused by rights; the deployment names what it installs.
            server.addAccount(
                Account("weir", grants: Self.grants + [Grant(["get"], .validatingWebhookConfigurations)]), token: "t")
            while try await keeper.step() {}
            let state = try #require(server[secret].flatMap { CertificateState(secret: $0) })
            #expect(server[secret]?["type"]?.string == "kubernetes.io/tls")
            for address in [mutating, validating] {
                #expect(bundles(server, address) == [state.bundle])
                var expected = Self.webhooks
                var found = try #require(server[address])
                for index in 0..<2 {
                    expected = without(expected, index)
                    found = without(found, index)
                }
                #expect(found["webhooks"] == expected["webhooks"])
            }
            let writes = server.log.count { ["create", "update", "patch"].contains($0.verb) }
            #expect(writes == 3)
            #expect(try await !keeper.step())
            #expect(server.log.count { ["create", "update", "patch"].contains($0.verb) } == writes)
        }
    }

    private func without(_ configuration: JSONTree, _ index: Int) -> JSONTree {
        var webhooks = configuration["webhooks"]?.array ?? []
        webhooks[index]["clientConfig"]?["caBundle"] = nil
        var result = configuration
        result["webhooks"] = .array(webhooks)
        return result
    }

    @Test
    func `rotation goes through over months, and is followed`() async throws {
        let clock = ManualWallClock()
        try await withKeeper(clock: clock) { server, client, keeper async throws in
            server.addAccount(
                Account("weir", grants: Self.grants + [Grant(["get"], .validatingWebhookConfigurations)]), token: "t")
            let follower = CertificateFollower(client: client, namespace: "weir", secretName: "tls")
            while try await keeper.step() {}
            var served = follower.certificates().makeAsyncIterator()
            let first = await served.next()
            let begun = try #require(server[secret].flatMap { CertificateState(secret: $0) })
            #expect(first?.certificate == begun.servingCertificate)
            for _ in 1...28 {
                clock.advance(by: .seconds(100))
                while try await keeper.step() {}
                let state = try #require(server[secret].flatMap { CertificateState(secret: $0) })
                #expect(bundles(server, mutating) == [state.bundle])
            }
            let ended = try #require(server[secret].flatMap { CertificateState(secret: $0) })
            #expect(ended.authority != begun.authority)
            var last = first
            while let material = last, material.certificate != ended.servingCertificate { last = await served.next() }
            #expect(last?.key == ended.servingKey)
        }
    }

    @Test
    func `another's Secret is never written, and a conflict is looked at anew`() async throws {
        try await withKeeper { server, _, keeper async throws in
            server.put(["type": "kubernetes.io/tls", "data": ["tls.crt": "YQ==", "tls.key": "YQ=="]], at: secret)
            await #expect(throws: CertificateKeeperError.self) { _ = try await keeper.step() }
            #expect(server[secret]?["data"] == ["tls.crt": "YQ==", "tls.key": "YQ=="])
            server.remove(secret)
            let address = secret
            let data = try #require(
                try CertificatePlan(names: ["weir.weir.svc"]).change(of: nil, now: 0, isBundleKnown: false)
            ).data
            server.refuse(.init(APIStatus(409, "AlreadyExists", "another leader"), verb: "create"))
            #expect(try await keeper.step())
            #expect(server[address] == nil)
            _ = data
        }
    }

    @Test
    func `a configuration that changes at the same time is told in the same look`() async throws {
        try await withKeeper { server, _, keeper async throws in
            server.addAccount(
                Account("weir", grants: Self.grants + [Grant(["get"], .validatingWebhookConfigurations)]), token: "t")
            for (code, reason) in [(409, "Conflict"), (422, "Invalid")] {
                server.refuse(.init(APIStatus(code, reason, "changed meanwhile"), verb: "patch"))
            }
            #expect(try await keeper.step())
            _ = try await keeper.step()
            let state = try #require(server[secret].flatMap { CertificateState(secret: $0) })
            for address in [mutating, validating] { #expect(bundles(server, address) == [state.bundle]) }
        }
    }

    @Test
    func `what fails is tried again sooner than the next look, and not at once`() async throws {
        try await withKeeper { server, client, _ async throws in
            server.put(["type": "Opaque", "data": [:]], at: secret)
            let pauses = Watched<[Duration]>([])
            let keeper = CertificateKeeper(
                client: client,
                configuration: .init(
                    namespace: "weir", secretName: "tls", plan: CertificatePlan(names: ["weir.weir.svc"])),
                sleep: { pause in
                    let count = pauses.update { pauses in
                        pauses.append(pause)
                        return pauses.count
                    }
                    if count == 8 { throw CancellationError() }
                }, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
            await keeper.run()
            #expect(pauses.value == [1, 2, 4, 8, 16, 32, 60, 60].map { .seconds($0) })
        }
    }

    @Test
    func `a webhook that was moved meanwhile is not patched in another's place`() throws {
        let patch = try #require(BundlePatch.patch(for: Self.webhooks, bundle: "new"))
        #expect(patch.array?.count == 4)
        #expect(patch[0] == ["op": "test", "path": "/webhooks/0/name", "value": "pods.weir.dev"])
        #expect(BundlePatch.patch(for: ["webhooks": []], bundle: "new") == nil)
        #expect(BundlePatch.patch(for: [:], bundle: "new") == nil)
    }
}
