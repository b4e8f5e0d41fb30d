import KubernetesClient
import KubernetesTestKit
import RegistryTestKit
import Testing

@testable import Commands

/// An API server over TLS, a registry, and as many `weir` beside them as a test wants.
struct ClusterStage {
    static let secret = ObjectAddress(.secrets, namespace: "weir", name: "weir-webhook-tls")
    static let lease = ObjectAddress(.leases, namespace: "weir", name: "weir")
    static let mutating = ObjectAddress(.mutatingWebhookConfigurations, name: "weir")
    static let validating = ObjectAddress(.validatingWebhookConfigurations, name: "weir")
    /// What the API server calls the webhook.
    static let serviceName = "weir-webhook.weir.svc"

    let server: TestAPIServer
    let registry: TestRegistry

    /// - Parameter registersWebhook: whether the webhook configurations are there.
    static func with(registersWebhook: Bool = true, _ body: (ClusterStage) async throws -> Void) async throws {
        try await TestAPIServer.withRunning(tls: try TestCertificates()) { server async throws in
            try await TestRegistry.withRunning { registry async throws in
                if registersWebhook {
                    for address in [mutating, validating] { server.put(Self.registration, at: address) }
                }
                try await body(ClusterStage(server: server, registry: registry))
            }
        }
    }

    private static let registration: JSONTree = [
        "webhooks": [
            [
                "name": "pods.weir.dev", "sideEffects": "None", "admissionReviewVersions": ["v1"],
                "clientConfig": ["service": ["name": "weir-webhook", "namespace": "weir"]],
            ]
        ]
    ]

    /// What `weir serve` needs to have the webhook with a certificate of its own.
    var webhookYAML: String {
        """
        rules: { lab: { registry: "\(registry.url)", attempts: 1 } }
        wellKnownRegistries: false
        rewrite: { address: "weir.corp:5000" }
        kubernetes: { kubeconfig: kubeconfig, certificates: {} }
        webhook: { enabled: true, listen: 127.0.0.1:0, budget: 20s }
        """
    }

    /// A `weir serve` that the API server knows as `name`.
    func serve(_ name: String = "one", grants: [Grant]? = nil, yaml: String? = nil) throws -> RunningWeir {
        let folder = try folder(of: name, grants: grants)
        return try RunningWeir(serving: folder, yaml: yaml ?? webhookYAML)
    }

    /// A folder with a kubeconfig for `name`, whose token is in a file beside.
    func folder(of name: String, grants: [Grant]? = nil) throws -> Folder {
        server.addAccount(Account(name, grants: grants), token: "token-of-\(name)")
        let folder = try Folder()
        try folder.write("token-of-\(name)\n", to: "token")
        let authority = try #require(server.certificates?.authorityFile)
        try folder.write(
            """
            clusters: [{ name: c, cluster: { server: "https://127.0.0.1:\(server.port)", certificate-authority: "\(authority)" } }]
            users: [{ name: u, user: { tokenFile: token } }]
            contexts: [{ name: c, context: { cluster: c, user: u, namespace: weir } }]
            current-context: c
            """, to: "kubeconfig")
        return folder
    }

    /// The bundle that the API server trusts the webhook by, once every configuration has one and the same.
    func bundle() async throws -> String {
        try await server.wait(for: "the bundle", Self.mutating) { Self.bundle($0) != nil }
        try await server.wait(for: "the bundle", Self.validating) { Self.bundle($0) != nil }
        let bundles = [Self.mutating, Self.validating].compactMap { Self.bundle(server[$0]) }
        #expect(Set(bundles).count == 1)
        return try #require(bundles.first)
    }

    private static func bundle(_ configuration: JSONTree?) -> String? {
        configuration?["webhooks"]?[0]?.at("clientConfig", "caBundle")?.string.flatMap { Base64.decode($0) }
            .map { String(decoding: $0, as: UTF8.self) }
    }

    /// As the API server reaches the webhook of `weir`.
    func admission(_ weir: RunningWeir, trusting bundle: String) async throws -> AdmissionClient {
        try AdmissionClient(authority: bundle, name: Self.serviceName, port: try await weir.webhookPort())
    }

    /// A pod that runs `image`.
    func put(pod name: String, image: String, in namespace: String = "shop") {
        server.put(
            ["spec": ["containers": [["name": "c", "image": .string(image)]]], "status": ["phase": "Running"]],
            at: ObjectAddress(.pods, namespace: namespace, name: name))
    }
}
