import ClusterCertificates
import Glibc
import KubernetesClient
import KubernetesTestKit
import RegistryTestKit
import Testing
import Timekeeping

@testable import Commands

/// `weir serve` with the webhook in it, as a process of its own, beside an API server over TLS.
@Suite(.timeLimit(.minutes(2))) struct ClusterWebhookTests {
    typealias Record = TestAPIServer.Record

    @Test
    func `a certificate is made, told, served, and changed without a restart; a second replica does not act`()
        async throws
    {
        try await ClusterStage.with { stage async throws in
            stage.registry.addImage(repository: "team/app", tag: "1")
            let first = try stage.serve("one")
            let bundle = try await stage.bundle()
            let name = "\(stage.registry.authority)/team/app:1"
            let admission = try await stage.admission(first, trusting: bundle)
            #expect(try await admission.patch(name)?.contains("weir.corp:5000/lab/team/app:1") == true)
            #expect(stage.server[ClusterStage.secret]?["type"] == "kubernetes.io/tls")

            let second = try stage.serve("two")
            let other = try await stage.admission(second, trusting: bundle)
            #expect(try await other.patch(name)?.contains("weir.corp:5000/lab/team/app:1") == true)
            try await stage.server.waitForLog("the second to look at the lease") { log in
                log.contains { $0.user == "two" && $0.plural == "leases" && $0.status == 200 }
            }
            let writes = { @Sendable (records: [Record]) in
                records.filter { $0.user == "two" && !["get", "list", "watch"].contains($0.verb) }
            }
            #expect(writes(stage.server.log) == [])

            let rotated = try #require(
                try CertificatePlan(names: [ClusterStage.serviceName]).change(
                    of: nil, now: SystemWallClock().now().seconds, isBundleKnown: false))
            var secret = try #require(stage.server[ClusterStage.secret])
            secret["data"] = rotated.data
            stage.server.put(secret, at: ClusterStage.secret)
            for weir in [first, second] {
                try await weir.logged("the webhook has a new certificate")
                let admission = try await stage.admission(weir, trusting: rotated.bundle)
                #expect(try await admission.get("/healthz") == "ok\n")
                let outdated = try await stage.admission(weir, trusting: bundle)
                await #expect(throws: (any Error).self) { _ = try await outdated.get("/healthz") }
            }

            #expect(await first.end() == 0, "\(first.errors)")
            try await stage.server.waitForLog("the second to lead") { log in writes(log).contains { $0.status == 200 } }
            #expect(await second.end() == 0, "\(second.errors)")
            #expect(stage.server[ClusterStage.lease]?.at("spec", "holderIdentity") == nil)
        }
    }

    @Test
    func `secrets are read for checks, from Weir's namespace and the pod's, and copied for pods`() async throws {
        try await ClusterStage.with { stage async throws in
            stage.registry.access = .basic(username: "me", password: "secret")
            stage.registry.addImage(repository: "mirror/app", tag: "1")
            let yaml = """
                kubernetes: { kubeconfig: kubeconfig, certificates: {} }
                rewrite:
                  rules:
                  - { name: named, match: { registry: a.example }, replace: "\(stage.registry.authority)/mirror/{repository}",
                      checkUpstream: true, authSecretName: check, pullSecrets: [pull] }
                  - { name: pods, match: { registry: b.example }, replace: "\(stage.registry.authority)/mirror/{repository}",
                      checkUpstream: true }
                webhook:
                  { enabled: true, listen: 127.0.0.1:0, budget: 20s, podSecrets: true, copyPullSecrets: true,
                    harborMetrics: true }
                """
            stage.put(secret: "pull", in: "weir", password: "secret")
            let weir = try stage.serve(yaml: yaml)
            let admission = try await stage.admission(weir, trusting: try await stage.bundle())

            // Each asks for an image of its own: what could not be found out is not asked again for a moment.
            let check = ObjectAddress(.secrets, namespace: "weir", name: "check")
            let missing = try await admission.post(.init(image: "a.example/one:1"))
            #expect(missing.isAllowed && missing.patch == nil)
            #expect(missing.warnings.contains { $0.contains("there is no secret weir/check") }, "\(missing.warnings)")
            stage.server.put(["type": "Opaque", "data": ["password": "eA=="]], at: check)
            let malformed = try await admission.post(.init(image: "a.example/two:1"))
            #expect(malformed.isAllowed && malformed.patch == nil)
            #expect(malformed.warnings.contains { $0.contains("it is of type 'Opaque'") }, "\(malformed.warnings)")
            stage.server.refuse(.init(APIStatus(403, "Forbidden", "not for you"), verb: "get", plural: "secrets"))
            let refused = try await admission.post(.init(image: "a.example/three:1"))
            #expect(refused.warnings.contains { $0.contains("not for you") }, "\(refused.warnings)")

            // The pod's own secret, and of several the one that is of use.
            stage.put(secret: "own", in: "shop", password: "secret")
            let own = try await admission.post(.init(image: "b.example/app:1", pullSecrets: ["absent", "own"]))
            #expect(own.patch?.contains("mirror/app:1") == true, "\(own.warnings)")
            let foreign = try await admission.post(
                .init(image: "b.example/app:1", namespace: "elsewhere", pullSecrets: ["own"]))
            #expect(foreign.patch == nil && foreign.warnings.count == 1, "\(foreign)")

            stage.server.remove(check)
            stage.put(secret: "check", in: "weir", password: "secret")
            let copy = ObjectAddress(.secrets, namespace: "shop", name: "pull")
            var review = AdmissionClient.Review(image: "a.example/app:1", isDryRun: true)
            let answer = try await admission.post(review)
            #expect(answer.patch?.contains(#""name":"pull""#) == true, "\(answer)")
            #expect(stage.server[copy] == nil, "a dry run writes nothing")
            review.isDryRun = false
            #expect(try await admission.post(review).patch?.contains("mirror/app:1") == true)
            let data = stage.server[ObjectAddress(.secrets, namespace: "weir", name: "pull")]?["data"]
            #expect(stage.server[copy]?["data"] == data)
            let metrics = try await admission.get("/metrics")
            for line in [
                #"weir_cluster_secret_copies_total{outcome="written"} 1"#,
                #"hcw_rules_rewrite_success{name="named"} 5"#, #"hcw_rules_rewrite_success{name="pods"} 2"#,
                #"hcw_rules_upstream_check_errors{name="named"} 3"#, #"hcw_rules_upstream_checks{name="named"} 2"#,
                #"hcw_rules_upstream_checks{name="pods"} 1"#,
                #"hcw_rules_rewrite_duration_seconds_count{name="named"} 5"#,
            ] {
                #expect(metrics.contains("\(line)\n"), "\(line)")
            }
            stage.put(secret: "pull", in: "weir", password: "another")
            try await stage.server.wait(for: "the copy to be renewed", copy) { $0?["data"] != data }
            #expect(await weir.end() == 0, "\(weir.errors)")
        }
    }

    @Test
    func `images stand in the cache, in metrics and reports, through an API server's troubles`() async throws {
        try await ClusterStage.with { stage async throws in
            stage.put(pod: "a", image: "\(stage.registry.authority)/team/app:1")
            // The first patch meets a conflict, and is made anew.
            stage.server.refuse(.init(APIStatus(409, "Conflict", "changed meanwhile"), verb: "patch"))
            await stage.server.goDown()
            let weir = try stage.serve()
            // The registry waits for nobody.
            _ = try await weir.ready()
            let unknown = try await Self.weir(["survive"], weir)
            #expect(unknown.code == 1 && unknown.output.contains("API server"), "\(unknown)")
            try await stage.server.resume()
            let admission = try await stage.admission(weir, trusting: try await stage.bundle())
            try await stage.server.waitForWatches(.pods)
            let survey = try await Self.weir(["survive"], weir)
            #expect(survey.code == 1 && survey.output.contains("0 of 1 images could be pulled"), "\(survey)")

            // What was watched is forgotten: all is listed anew.
            stage.server.cutWatches()
            stage.put(pod: "b", image: "quay.io/x/y:2")
            stage.server.compact()
            try await stage.server.waitForRequests("list", .pods, count: 2)
            try await stage.server.waitForWatches(.pods)
            let images = try await Self.weir(["images", "--cluster"], weir)
            #expect(images.output.contains("quay.io/x/y:2"), "\(images)")

            let metrics = try await admission.get("/metrics")
            for line in [
                "weir_cluster_pods 2", "weir_cluster_images 2", "weir_cluster_watch_up 1", "weir_cluster_leader 1",
            ] {
                #expect(metrics.contains("\(line)\n"), "\(line)")
            }
            for name in [
                "weir_cluster_heard_timestamp_seconds", "weir_cluster_authority_expiry_timestamp_seconds",
                "weir_webhook_certificate_expiry_timestamp_seconds",
            ] {
                #expect(Self.value(of: name, in: metrics) ?? 0 > 1_700_000_000, "\(name)")
            }
            let lost = "the API server's pods cannot be followed"
            let before = weir.errors.ranges(of: lost).count
            await stage.server.goDown()
            try await weir.logged(lost, count: before + 1)
            #expect(try await admission.get("/metrics").contains("weir_cluster_watch_up 0\n"))
            #expect(try await admission.get("/readyz") == "ok\n")
            #expect(try await admission.patch("quay.io/x/y:2") == nil)
            #expect(await weir.end() == 0, "\(weir.errors)")
        }
    }

    @Test
    func `a shutdown before there is any certificate is one in order`() async throws {
        try await ClusterStage.with { stage async throws in
            await stage.server.goDown()
            let weir = try stage.serve()
            _ = try await weir.ready()
            #expect(await weir.end() == 0, "\(weir.errors)")
        }
    }

    @Test
    func `a Secret that is malformed is made anew, and another's never written`() async throws {
        try await ClusterStage.with { stage async throws in
            var secret: JSONTree = [
                "type": "kubernetes.io/tls", "data": ["tls.crt": "YWJj", "tls.key": "YWJj"],
                "metadata": ["labels": ["app.kubernetes.io/managed-by": "Helm"]],
            ]
            stage.server.put(secret, at: ClusterStage.secret)
            let weir = try stage.serve()
            _ = try await weir.ready()
            try await weir.logged("is there and was not made by Weir")
            try await weir.logged("the webhook has no certificate that it can use")
            #expect(stage.server[ClusterStage.secret]?["data"] == secret["data"])
            // Somebody makes it Weir's. It is looked at again within seconds.
            secret["metadata"]?["labels"] = ["app.kubernetes.io/managed-by": "weir"]
            stage.server.put(secret, at: ClusterStage.secret)
            let admission = try await stage.admission(weir, trusting: try await stage.bundle())
            #expect(try await admission.get("/healthz") == "ok\n")
            #expect(await weir.end() == 0, "\(weir.errors)")
        }
    }

    @Test
    func `the webhook alone makes its certificate, waits for it, and is ended while it waits`() async throws {
        try await ClusterStage.with { stage async throws in
            await stage.server.goDown()
            let configuration = """
                kubernetes: { kubeconfig: kubeconfig, certificates: {} }
                rewrite: { rules: [{ match: { registry: a.example }, replace: "b.example/{repository}" }] }
                webhook: { listen: 127.0.0.1:0 }
                """
            var started: [RunningWeir] = []
            for name in ["first", "second"] {
                let folder = try stage.folder(of: name)
                try folder.write(configuration)
                let weir = try RunningWeir(["webhook", "--config", "weir.yaml"], in: folder)
                try await weir.logged("the webhook waits for its certificate")
                try await weir.logged("the lease cannot be looked after")
                started.append(weir)
            }
            #expect(await started[1].end() == 0, "\(started[1].errors)")
            try await stage.server.resume()
            let admission = try await stage.admission(started[0], trusting: try await stage.bundle())
            #expect(try await admission.patch("a.example/app:1")?.contains("b.example/app:1") == true)
            #expect(try await started[0].ready().contains("webhook is ready on https://127.0.0.1:"))
            #expect(await started[0].end() == 0, "\(started[0].errors)")
            #expect(stage.server[ClusterStage.lease]?.at("spec", "holderIdentity") == nil)
        }
    }

    private static func value(of name: String, in metrics: String) -> Double? {
        let line = metrics.split(separator: "\n").first { $0.hasPrefix("\(name) ") }
        return line?.split(separator: " ").last.flatMap { Double($0) }
    }

    /// A command beside a running service.
    private static func weir(_ arguments: [String], _ service: RunningWeir) async throws -> ProgramTests.Outcome {
        try await ProgramTests.run(arguments + ["--config", "weir.yaml"], directory: service.folder.path)
    }
}

extension ClusterStage {
    func put(secret name: String, in namespace: String, password: String) {
        let config = #"{"auths":{"\#(registry.authority)":{"username":"me","password":"\#(password)"}}}"#
        server.put(
            [
                "type": "kubernetes.io/dockerconfigjson",
                "data": [".dockerconfigjson": .string(Base64.encode(config.utf8))],
            ],
            at: ObjectAddress(.secrets, namespace: namespace, name: name))
    }
}
