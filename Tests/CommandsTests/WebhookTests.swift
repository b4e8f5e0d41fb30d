import AdmissionWebhook
import Foundation
import ImageRewriting
import Listening
import OCI
import RegistryTestKit
import Testing

@testable import Commands

/// The webhook as it is configured, and as a process of its own.
@Suite(.timeLimit(.minutes(2))) struct WebhookTests {
    // MARK: Configuration

    @Test func `what is written is what is in effect`() throws {
        let folder = try Folder()
        try folder.write("", to: "tls.crt")
        try folder.write("", to: "tls.key")
        let webhook = try folder.load(
            """
            rewrite: { address: "weir.corp:5000" }
            webhook:
              enabled: true
              listen: 127.0.0.1:9000
              operations: [127.0.0.1:9001]
              tls: { certificate: tls.crt, key: tls.key }
              namespace: infra
              excludeNamespaces: [kube-system, ci]
              failure: closed
              budget: 1s
              pullSecrets: [weir-pull]
              weir: http://weir.infra.svc:5000
              checks: { timeout: 3s, positive: 1m, negative: 5s }
              podSecrets: true
              copyPullSecrets: true
              validate: { allow: ["*.corp:5000"], deny: evil.io, movingTags: warn }
            """
        ).service.webhook
        #expect(webhook.isEnabled)
        #expect(webhook.server.listen == ["127.0.0.1:9000"])
        #expect(webhook.server.operationsListen == ["127.0.0.1:9001"])
        #expect(webhook.tls?.keyFile == "\(folder.path)/tls.key")
        #expect(webhook.namespace == "infra")
        #expect(webhook.excludedNamespaces == ["kube-system", "ci"])
        #expect(webhook.failure == .closed)
        #expect(webhook.budget == .seconds(1))
        #expect(webhook.pullSecrets == ["weir-pull"])
        #expect(webhook.weir?.host.description == "weir.infra.svc:5000" && webhook.weir?.usesTLS == false)
        #expect(webhook.checks.timeout == .seconds(3) && webhook.checks.negative == .seconds(5))
        #expect(webhook.triesPodSecrets && webhook.copiesPullSecrets)
        #expect(webhook.policy.movingTags == .warn && webhook.policy.deniedRegistries.count == 1)
    }

    @Test(arguments: [
        (
            "webhook: { enabled: true }",
            ["the webhook needs a certificate", "the webhook has to know where nodes reach Weir"]
        ),
        ("webhook: { tls: { key: /dev/null } }", ["'tls' needs both 'certificate' and 'key'"]),
        ("webhook: { failure: maybe }", ["'maybe' is not one of open, closed"]),
        ("webhook: { namespace: ../etc }", ["is no name in Kubernetes"]),
        ("webhook: { budget: 60s }", ["is out of range"]),
        ("webhook: { validate: { deny: \"/(/\" } }", ["is no pattern"]),
        ("rewrite: { rules: [{ replace: a.io/x, pullSecrets: [A_B] }] }", ["is no name in Kubernetes"]),
    ])
    func `what is wrong is told`(_ yaml: String, _ expected: [String]) throws {
        let problems = try Folder().problems(yaml)
        for text in expected { #expect(problems.contains { $0.contains(text) }, "\(problems)") }
    }

    @Test func `the registration is right for pods and ephemeral containers, and leaves Weir and the system alone`()
        throws
    {
        var registration = ClientConfiguration.WebhookRegistration()
        registration.validates = true
        registration.authority = Array("PEM".utf8)
        let text = try #require(ClientConfiguration.webhook(registration).files.first?.content)
        for line in [
            "kind: MutatingWebhookConfiguration", "kind: ValidatingWebhookConfiguration", "caBundle: UEVN",
            "    resources: [pods, pods/ephemeralcontainers]", "values: [weir, kube-system]", "failurePolicy: Ignore",
            "failurePolicy: Fail", "reinvocationPolicy: IfNeeded", "admissionReviewVersions: [v1]",
        ] {
            #expect(text.contains(line), "\(line)")
        }
        #expect(!text.contains("cert-manager"))
        registration.failure = .closed
        let closed = try #require(ClientConfiguration.webhook(registration).files.first?.content)
        #expect(!closed.contains("Ignore"))
    }

    // MARK: The program

    @Test func `harbor-container-webhook's file and path serve unchanged`() async throws {
        let (folder, certificates) = (try Folder(), try TestCertificates())
        try FileManager.default.copyItem(
            atPath: certificates.serverCertificateFile, toPath: "\(folder.path)/tls.crt")
        try FileManager.default.copyItem(atPath: certificates.serverKeyFile, toPath: "\(folder.path)/tls.key")
        try folder.write(
            """
            port: 9443
            certDir: \(folder.path)
            healthAddr: ""
            rules:
            - name: docker.io rewrite rule
              matches: ["^docker.io"]
              replace: harbor.example.com/dockerhub-proxy
              checkUpstream: false
            - name: another
              matches: ["^other.example"]
              replace: harbor.example.com/other
              checkUpstream: true
              authSecretName: pull
            """, to: "harbor.yaml")
        let weir = try RunningWeir(
            ["webhook", "--config", "harbor.yaml", "--listen", "127.0.0.1:0", "--kube-client-lazy-remap"], in: folder)
        let port = try #require(try await weir.url().split(separator: ":").last.flatMap { Int($0) })
        let client = try AdmissionClient(
            authority: try String(contentsOfFile: certificates.authorityFile, encoding: .utf8), port: port)
        let answer = try await client.post(.init(image: "nginx"), to: "/webhook-v1-pod?timeout=10s")
        #expect(answer.patch?.contains("harbor.example.com/dockerhub-proxy/library/nginx:latest") == true)
        #expect(try await client.get("/healthz") == "ok\n")
        let metrics = try await client.get("/metrics")
        #expect(metrics.contains("weir_webhook_reviews_total{"))
        #expect(metrics.contains("hcw_rules_rewrite_success{name=\"docker_io_rewrite_rule\"} 1\n"))
        try await weir.logged("Secrets that checks are to ask by cannot be read")
        #expect(await weir.end() == 0, "\(weir.errors)")
    }

    @Test func `a reload brings rules and the log's level into effect, and names what waits for a restart`()
        async throws
    {
        let (folder, certificates) = (try Folder(), try TestCertificates())
        let yaml = { (mirror: String, more: String) in
            """
            rewrite: { rules: [{ match: { registry: a.example }, replace: "\(mirror)/{repository}" }] }
            storage: { directory: \(mirror) }
            webhook:
              listen: 127.0.0.1:0
              tls: { certificate: "\(certificates.serverCertificateFile)", key: "\(certificates.serverKeyFile)" }
              \(more)
            """
        }
        try folder.write(yaml("one.example", "") + "\nlog: { level: warning }")
        let weir = try RunningWeir(["webhook", "--config", "weir.yaml", "--listen", "127.0.0.1:0"], in: folder)
        let port = try #require(try await weir.url().split(separator: ":").last.flatMap { Int($0) })
        let client = try AdmissionClient(
            authority: try String(contentsOfFile: certificates.authorityFile, encoding: .utf8), port: port)
        #expect(try await client.patch("a.example/x:1")?.contains("one.example/x:1") == true)
        try folder.write(
            yaml("two.example", "checks: { timeout: 3s }\n  namespace: infra")
                + "\nproxy: { http: \"http://127.0.0.1:1\" }")
        // What waits for a restart is told each time, and what is of no concern to the webhook never.
        for count in 1...2 {
            weir.signal(SIGHUP)
            try await weir.logged("The configuration was reloaded", count: count)
            try await weir.logged(
                "only a restart brings into effect settings=\"proxy, webhook.namespace, webhook.checks\"", count: count)
        }
        #expect(try await client.patch("a.example/x:1")?.contains("two.example/x:1") == true)
        try folder.write(yaml("three.example", "budget: never"))
        weir.signal(SIGHUP)
        try await weir.logged("The configuration has errors, and stays as it was")
        #expect(try await client.patch("a.example/x:1")?.contains("two.example/x:1") == true)
        #expect(await weir.end() == 0, "\(weir.errors)")
    }

    @Test func `within the service, what Weir can have is rewritten, and what it cannot stays`() async throws {
        let (folder, certificates) = (try Folder(), try TestCertificates())
        try await TestRegistry.withRunning { upstream in
            upstream.addImage(repository: "team/app", tag: "1")
            try folder.write(
                """
                listen: 127.0.0.1:0
                storage: { directory: store }
                rules: { lab: { registry: "\(upstream.url)", attempts: 1 } }
                rewrite: { address: "weir.corp:5000" }
                webhook:
                  enabled: true
                  listen: 127.0.0.1:0
                  budget: 20s
                  tls: { certificate: "\(certificates.serverCertificateFile)", key: "\(certificates.serverKeyFile)" }
                """)
            let weir = try RunningWeir(["serve", "--config", "weir.yaml"], in: folder)
            let client = try AdmissionClient(
                authority: try String(contentsOfFile: certificates.authorityFile, encoding: .utf8),
                port: try await weir.webhookPort())
            let there = try await client.patch("\(upstream.authority)/team/app:1")
            #expect(there?.contains("weir.corp:5000/lab/team/app:1") == true, "\(there ?? weir.errors)")
            #expect(try await client.patch("\(upstream.authority)/team/gone:1") == nil)
            #expect(try await client.get("/readyz") == "ok\n")
            #expect(await weir.end() == 0, "\(weir.errors)")
        }
    }
}
