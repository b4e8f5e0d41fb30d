import AdmissionWebhook
import AsyncHTTPClient
import Foundation
import Glibc
import ImageRewriting
import Listening
import NIOCore
import NIOHTTP1
import NIOSSL
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

    /// A running `weir`; killed with its owner.
    final class Running {
        private let process = Process()
        private let folder: Folder
        private let client: HTTPClient

        init(_ arguments: [String], in folder: Folder, trusting authority: String) throws {
            self.folder = folder
            let bundle = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
            process.executableURL = URL(fileURLWithPath: bundle).deletingLastPathComponent().appending(path: "weir")
            process.arguments = arguments
            process.environment = [:]
            process.currentDirectoryURL = URL(fileURLWithPath: folder.path)
            process.standardInput = FileHandle.nullDevice
            process.standardOutput = FileHandle(forWritingAtPath: try folder.write("", to: "out"))
            process.standardError = FileHandle(forWritingAtPath: try folder.write("", to: "err"))
            var tls = TLSConfiguration.makeClientConfiguration()
            tls.trustRoots = .file(authority)
            client = HTTPClient(
                eventLoopGroupProvider: .singleton, configuration: HTTPClient.Configuration(tlsConfiguration: tls))
            try process.run()
        }

        deinit {
            if process.isRunning { kill(process.processIdentifier, SIGKILL) }
            client.shutdown { _ in }
        }

        var errors: String { (try? String(contentsOfFile: "\(folder.path)/err", encoding: .utf8)) ?? "" }

        /// The address of the first `https://` that the program tells.
        func url() async throws -> String {
            while process.isRunning {
                let output = try String(contentsOfFile: "\(folder.path)/out", encoding: .utf8)
                if let word = output.split(separator: " ").first(where: { $0.hasPrefix("https://") }) {
                    return word.trimmingCharacters(in: CharacterSet(charactersIn: ",\n"))
                }
                try await Task.sleep(for: .milliseconds(5))
            }
            throw CommandFailure(.failure, errors)
        }

        /// Where the webhook of 'weir serve' listens, from the log.
        func loggedURL() async throws -> String {
            while process.isRunning {
                if let line = errors.split(separator: "\n").first(where: { $0.contains("the webhook listens") }),
                    let address = line.firstRange(of: "127.0.0.1:")
                {
                    return "https://" + line[address.lowerBound...].prefix { $0.isNumber || ".:".contains($0) }
                }
                try await Task.sleep(for: .milliseconds(5))
            }
            throw CommandFailure(.failure, errors)
        }

        func patch(_ url: String, image: String) async throws -> String? {
            var request = HTTPClientRequest(url: url)
            request.method = .POST
            request.body = .bytes(ByteBuffer(string: review(image)))
            let response = try await client.execute(request, timeout: .seconds(60))
            let bytes = try await response.body.collect(upTo: 1 << 20)
            let root = try JSONSerialization.jsonObject(with: Data(bytes.readableBytesView)) as? [String: Any]
            let answer = try #require(root?["response"] as? [String: Any])
            #expect(answer["allowed"] as? Bool == true)
            return (answer["patch"] as? String).flatMap { Data(base64Encoded: $0) }
                .map { String(decoding: $0, as: UTF8.self) }
        }

        private func review(_ image: String) -> String {
            """
            {"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","request":{"uid":"1","operation":"CREATE",\
            "resource":{"group":"","version":"v1","resource":"pods"},"namespace":"shop","object":{"kind":"Pod",\
            "metadata":{"name":"a"},"spec":{"containers":[{"name":"c","image":"\(image)"}]}}}}
            """
        }

        func get(_ url: String) async throws -> String {
            let response = try await client.execute(HTTPClientRequest(url: url), timeout: .seconds(60))
            return String(buffer: try await response.body.collect(upTo: 1 << 20))
        }

        func end() async throws -> Int32 {
            kill(process.processIdentifier, SIGTERM)
            while process.isRunning { try await Task.sleep(for: .milliseconds(5)) }
            return process.terminationStatus
        }
    }

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
            """, to: "harbor.yaml")
        let running = try Running(
            ["webhook", "--config", "harbor.yaml", "--listen", "127.0.0.1:0", "--kube-client-lazy-remap"], in: folder,
            trusting: certificates.authorityFile)
        let url = try await running.url()
        let patch = try await running.patch("\(url)/webhook-v1-pod?timeout=10s", image: "nginx")
        #expect(patch?.contains("harbor.example.com/dockerhub-proxy/library/nginx:latest") == true, "\(patch ?? "")")
        #expect(try await running.get("\(url)/healthz") == "ok\n")
        #expect(try await running.get("\(url)/metrics").contains("weir_webhook_reviews_total{"))
        #expect(try await running.end() == 0, "\(running.errors)")
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
            let running = try Running(
                ["serve", "--config", "weir.yaml"], in: folder, trusting: certificates.authorityFile)
            let url = try await running.loggedURL()
            let there = try await running.patch("\(url)/mutate", image: "\(upstream.authority)/team/app:1")
            #expect(there?.contains("weir.corp:5000/lab/team/app:1") == true, "\(there ?? running.errors)")
            #expect(try await running.patch("\(url)/mutate", image: "\(upstream.authority)/team/gone:1") == nil)
            #expect(try await running.get("\(url)/readyz") == "ok\n")
            #expect(try await running.end() == 0, "\(running.errors)")
        }
    }
}
