import Foundation
import KubernetesClient
import KubernetesTestKit
import RegistryTestKit
import Testing

@testable import Commands

/// The rights that `deploy/kubernetes` gives are those that the programs make use of: no fewer and no more.
@Suite(.timeLimit(.minutes(2))) struct DeployedRightsTests {
    /// As in the overlays' configuration.
    private static let certificates = """
        kubernetes:
          kubeconfig: kubeconfig
          certificates: { lease: weir, mutating: [weir], secret: weir-webhook-tls, service: weir-webhook, validating: [weir] }
        """

    private func forbidden(_ server: TestAPIServer) -> [TestAPIServer.Record] {
        server.log.filter { $0.status == 403 || $0.status == 401 }
    }

    @Test
    func `the cache's, which follows images and makes certificates`() async throws {
        let grants = try DeployedRights.grants(of: "weir", in: ["following", "webhook"])
        try await ClusterStage.with { stage async throws in
            let first = try stage.serve("cache", grants: grants, yaml: Self.certificates)
            _ = try await stage.bundle()
            for kind in [ResourceKind.pods, .nodes] { try await stage.server.waitForWatches(kind) }
            #expect(await first.end() == 0, "\(first.errors)")
            // What makes no sense is made anew in its place.
            var secret = try #require(stage.server[ClusterStage.secret])
            secret["data"] = ["tls.crt": "YWJj", "tls.key": "YWJj"]
            stage.server.put(secret, at: ClusterStage.secret)
            let damaged = secret
            let second = try stage.serve("cache", grants: grants, yaml: Self.certificates)
            try await stage.server.wait(for: "another certificate", ClusterStage.secret) {
                $0?["data"] != damaged["data"]
            }
            #expect(await second.end() == 0, "\(second.errors)")
            #expect(forbidden(stage.server) == [])
            #expect(DeployedRights.unused(grants, in: stage.server.log) == [])
        }
    }

    @Test
    func `the webhook's, which copies pull secrets`() async throws {
        let grants = try DeployedRights.grants(of: "weir-webhook", in: ["webhook", "pull-secrets"])
        try await ClusterStage.with { stage async throws in
            stage.registry.addImage(repository: "mirror/app", tag: "1")
            stage.put(secret: "weir-pull", in: "weir", password: "one")
            let certificates = try TestCertificates(names: [ClusterStage.serviceName])
            let folder = try stage.folder(of: "webhook", grants: grants)
            try folder.write(
                """
                \(Self.certificates)
                rewrite: { rules: [{ match: { registry: a.example }, pullSecrets: [weir-pull],
                  replace: "\(stage.registry.authority)/mirror/{repository}" }] }
                webhook: { copyPullSecrets: true, listen: 127.0.0.1:0, budget: 20s, checks: { timeout: 20s } }
                """)
            let weir = try RunningWeir(
                [
                    "webhook", "--config", "weir.yaml", "--certificate", certificates.serverCertificateFile, "--key",
                    certificates.serverKeyFile,
                ], in: folder)
            let admission = try await client(of: weir, certificates)
            #expect(try await admission.patch("a.example/app:1")?.contains("mirror/app:1") == true, "\(weir.errors)")
            let copy = ObjectAddress(.secrets, namespace: "shop", name: "weir-pull")
            let made = try #require(stage.server[copy])
            try await stage.server.waitForWatches(.secrets)
            stage.put(secret: "weir-pull", in: "weir", password: "two")
            try await stage.server.wait(for: "the renewal", copy) { $0?["data"] != made["data"] }
            // A secret's type never changes: the copy is removed, and made anew.
            let original = ObjectAddress(.secrets, namespace: "weir", name: "weir-pull")
            stage.server.remove(original)
            stage.server.put(
                ["type": "kubernetes.io/dockercfg", "data": [".dockercfg": .string(Base64.encode("{}".utf8))]],
                at: original)
            try await stage.server.wait(for: "one of another type", copy) { $0?["type"] == "kubernetes.io/dockercfg" }
            #expect(await weir.end() == 0, "\(weir.errors)")
            #expect(forbidden(stage.server) == [])
            #expect(DeployedRights.unused(grants, in: stage.server.log) == [])
            // The certificate comes from files: neither it nor the lease is asked for.
            #expect(stage.server.log.allSatisfy { $0.plural == "secrets" && $0.name != "weir-webhook-tls" })
        }
    }

    @Test
    func `the webhook's, which asks a registry by the secret that harbor-container-webhook's file names`() async throws
    {
        let grants = try DeployedRights.grants(of: "weir-webhook", in: ["webhook", "check-secrets"])
        try await ClusterStage.with { stage async throws in
            stage.registry.access = .basic(username: "me", password: "secret")
            stage.registry.addImage(repository: "proxy/library/nginx", tag: "1")
            let certificates = try TestCertificates(names: [ClusterStage.serviceName])
            let folder = try stage.folder(of: "webhook", grants: grants)
            try FileManager.default.copyItem(
                atPath: certificates.serverCertificateFile, toPath: "\(folder.path)/tls.crt")
            try FileManager.default.copyItem(atPath: certificates.serverKeyFile, toPath: "\(folder.path)/tls.key")
            try folder.write(
                """
                port: 9443
                certDir: "\(folder.path)"
                rules:
                - name: docker.io rewrite rule
                  matches: ["^docker.io"]
                  replace: "\(stage.registry.authority)/proxy"
                  checkUpstream: true
                  authSecretName: weir-check
                """, to: "harbor.yaml")
            let weir = try RunningWeir(
                ["webhook", "--config", "harbor.yaml", "--listen", "127.0.0.1:0"], in: folder,
                environment: ["KUBECONFIG": "kubeconfig"])
            let admission = try await client(of: weir, certificates)
            // That file says nothing of budgets; what takes longer is known when asked again.
            func answer(_ image: String, until isMet: (AdmissionClient.Answer) -> Bool) async throws {
                while true {
                    let answer = try await admission.post(.init(image: image), to: "/webhook-v1-pod")
                    #expect(answer.isAllowed)
                    if isMet(answer) { return }
                    try #require(
                        answer.patch == nil && answer.warnings.contains { $0.contains("no answer") },
                        "\(answer) \(weir.errors)")
                }
            }
            try await answer("nginx:0") { answer in
                answer.warnings.contains { $0.contains("there is no secret weir/weir-check") }
            }
            stage.put(secret: "weir-check", in: "weir", password: "secret")
            try await answer("nginx:1") { $0.patch?.contains("/proxy/library/nginx:1") == true }
            #expect(await weir.end() == 0, "\(weir.errors)")
            #expect(forbidden(stage.server) == [])
            #expect(DeployedRights.unused(grants, in: stage.server.log) == [])
        }
    }

    @Test
    func `the webhook's, which asks registries by pods' own secrets`() async throws {
        let grants = try DeployedRights.grants(of: "weir-webhook", in: ["webhook", "pod-secrets"])
        try await ClusterStage.with { stage async throws in
            stage.registry.access = .basic(username: "me", password: "secret")
            stage.registry.addImage(repository: "mirror/app", tag: "1")
            stage.put(secret: "own", in: "shop", password: "secret")
            let certificates = try TestCertificates(names: [ClusterStage.serviceName])
            let folder = try stage.folder(of: "webhook", grants: grants)
            try folder.write(
                """
                \(Self.certificates)
                rewrite: { rules: [{ match: { registry: a.example }, checkUpstream: true,
                  replace: "\(stage.registry.authority)/mirror/{repository}" }] }
                webhook: { podSecrets: true, listen: 127.0.0.1:0, budget: 20s, checks: { timeout: 20s } }
                """)
            let weir = try RunningWeir(
                [
                    "webhook", "--config", "weir.yaml", "--certificate", certificates.serverCertificateFile, "--key",
                    certificates.serverKeyFile,
                ], in: folder)
            let admission = try await client(of: weir, certificates)
            let answer = try await admission.post(.init(image: "a.example/app:1", pullSecrets: ["own"]))
            #expect(answer.patch?.contains("mirror/app:1") == true, "\(answer) \(weir.errors)")
            let foreign = try await admission.post(
                .init(image: "a.example/app:1", namespace: "elsewhere", pullSecrets: ["own"]))
            #expect(foreign.isAllowed && foreign.patch == nil, "\(foreign)")
            #expect(await weir.end() == 0, "\(weir.errors)")
            #expect(forbidden(stage.server) == [])
            #expect(DeployedRights.unused(grants, in: stage.server.log) == [])
            #expect(stage.server.log.allSatisfy { $0.plural == "secrets" && $0.name == "own" })
        }
    }

    /// Returns once the webhook is ready.
    private func client(of weir: RunningWeir, _ certificates: TestCertificates) async throws -> AdmissionClient {
        let port = try #require(try await weir.url().split(separator: ":").last.flatMap { Int($0) })
        return try AdmissionClient(
            authority: try String(contentsOfFile: certificates.authorityFile, encoding: .utf8), port: port)
    }
}
