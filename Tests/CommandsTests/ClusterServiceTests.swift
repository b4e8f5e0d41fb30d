import ControlServer
import Foundation
import FoundationNetworking
import Glibc
import KubernetesClient
import KubernetesTestKit
import RegistryTestKit
import Testing
import Timekeeping

@testable import Commands

/// The whole service as a process of its own, beside a registry and an API server.
@Suite struct ClusterServiceTests {
    private func pod(_ name: String) -> ObjectAddress { ObjectAddress(.pods, namespace: "shop", name: name) }

    private func document(_ image: String) -> JSONTree {
        ["spec": ["containers": [["name": "c", "image": .string(image)]]], "status": ["phase": "Running"]]
    }

    private func withService(
        prepare: (TestAPIServer) -> Void = { _ in },
        _ body: (TestAPIServer, TestRegistry, RunningWeir, Folder, String) async throws -> Void
    ) async throws {
        try await TestAPIServer.withRunning { server async throws in
            try await TestRegistry.withRunning { registry async throws in
                prepare(server)
                let folder = try Folder()
                try folder.write(
                    """
                    clusters: [{ name: c, cluster: { server: "http://127.0.0.1:\(server.port)" } }]
                    contexts: [{ name: c, context: { cluster: c, namespace: weir } }]
                    current-context: c
                    """, to: "kubeconfig")
                let service = try RunningWeir(
                    serving: folder,
                    yaml: """
                        wellKnownRegistries: false
                        rules: { lab: { registry: "\(registry.url)" } }
                        kubernetes: { kubeconfig: kubeconfig, certificates: {} }
                        """)
                let line = try await service.ready()
                let address = try #require(line.split(separator: " ").first { $0.hasPrefix("http://") })
                try await body(server, registry, service, folder, String(address))
                service.signal(SIGTERM)
            }
        }
    }

    private func cluster(
        _ folder: Folder, until isMet: (ClusterDocument) -> Bool
    ) async throws -> ClusterDocument {
        let client = ControlClient(socket: "\(folder.path)/store/control.sock")
        let start = ContinuousClock.now
        while true {
            // The control socket may come a moment after the registry's port.
            let document = try? await client.request(.get, "/v1/cluster", as: ClusterDocument.self)
            if let document, isMet(document) { return document }
            try #require(ContinuousClock.now - start < .seconds(30), "\(String(describing: document))")
            try await Task.sleep(for: .milliseconds(10))
        }
    }

    @Test
    func `images in use are known, survive once they were pulled, and are leased`() async throws {
        try await withService { server, registry, _, folder, address async throws in
            let image = registry.addImage(repository: "a/b", tag: "1", layerSizes: [100])
            server.put(document("\(registry.authority)/a/b:1"), at: pod("one"))
            server.put(document("quay.io/x/y:2"), at: pod("two"))
            server.put(document("Not A Reference"), at: pod("three"))
            let before = try await cluster(folder) { $0.isComplete && $0.images.count == 3 }
            #expect(before.images.allSatisfy { !$0.isPullable && !$0.reasons.isEmpty })
            let own = try #require(before.images.first { $0.rule == "lab" })
            #expect(own.repository == "a/b" && own.reasons == ["the tag was never asked for through Weir"])
            let child = image.images[0]
            for path in ["manifests/1", "manifests/\(child.manifest.digest)"]
                + child.blobs.map({ "blobs/\($0.digest)" })
            {
                let (_, response) = try await URLSession.shared.data(
                    from: try #require(URL(string: "\(address)/v2/lab/a/b/\(path)")))
                #expect((response as? HTTPURLResponse)?.statusCode == 200)
            }
            let after = try await cluster(folder) { $0.images.contains(where: \.isPullable) }
            #expect(after.images.first(where: \.isPullable)?.image == "\(registry.authority)/a/b:1")
            let text = SurviveCommand.text(after, total: 3, now: .init(milliseconds: 0))
            #expect(text.contains("1 of 3 images could be pulled with every upstream gone"))
            let client = ControlClient(socket: "\(folder.path)/store/control.sock")
            let start = ContinuousClock.now
            var explained: ExplanationDocument
            repeat {
                try #require(ContinuousClock.now - start < .seconds(30))
                explained = try await client.request(
                    .get, "/v1/explain", query: [("reference", "lab/a/b:1")], as: ExplanationDocument.self)
            } while explained.leasedUntil == nil
            #expect(explained.leasedUntil.map { $0 > 0 } == true)
        }
    }

    @Test
    func `pulls of a node are booked on the namespace of the pod that waits for them`() async throws {
        try await withService { server, registry, _, folder, address async throws in
            registry.addSingleImage(repository: "a/b", tag: "1", layerSizes: [100])
            let waiting: JSONTree = [
                "spec": ["containers": [["name": "c", "image": .string("\(registry.authority)/a/b:1")]]],
                "status": ["phase": "Pending", "hostIP": "127.0.0.1"],
            ]
            server.put(waiting, at: pod("one"))
            _ = try await cluster(folder) { $0.isComplete && $0.images.count == 1 }
            let (_, response) = try await URLSession.shared.data(
                from: try #require(URL(string: "\(address)/v2/lab/a/b/manifests/1")))
            #expect((response as? HTTPURLResponse)?.statusCode == 200)
            let spent = try await ProgramTests.run(
                ["quota", "spend", "--by", "namespace", "--config", "weir.yaml"], directory: folder.path)
            #expect(spent.output.contains("NAMESPACE  PULLS"), "\(spent)")
            #expect(spent.output.contains("\nshop           1"), "\(spent)")
        }
    }

    @Test
    func `the webhook's certificates are made, and its configurations told`() async throws {
        let configuration = ObjectAddress(.mutatingWebhookConfigurations, name: "weir")
        let secret = ObjectAddress(.secrets, namespace: "weir", name: "weir-webhook-tls")
        let webhooks: JSONTree = [
            "webhooks": [
                [
                    "name": "pods.weir.dev", "sideEffects": "None", "admissionReviewVersions": ["v1"],
                    "clientConfig": ["service": ["name": "weir-webhook", "namespace": "weir"]],
                ]
            ]
        ]
        try await withService(prepare: { $0.put(webhooks, at: configuration) }) {
            server, _, service, _, _ async throws in
            try await server.wait(for: "the certificates", secret) { $0 != nil }
            try await server.wait(for: "the bundle", configuration) { object in
                object?["webhooks"]?[0]?.at("clientConfig", "caBundle") != nil
            }
            try await server.wait(for: "the lease", ObjectAddress(.leases, namespace: "weir", name: "weir")) { lease in
                lease?.at("spec", "holderIdentity") != nil
            }
            service.signal(SIGTERM)
            try await server.wait(
                for: "the lease to be given back", ObjectAddress(.leases, namespace: "weir", name: "weir")
            ) {
                $0?.at("spec", "holderIdentity") == nil
            }
        }
    }
}
