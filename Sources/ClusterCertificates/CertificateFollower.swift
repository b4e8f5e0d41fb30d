package import KubernetesClient

/// The serving certificate of a Secret, as it is now and whenever it changes: Weir's own or cert-manager's. Every replica
/// follows it.
package struct CertificateFollower: Sendable {
    package struct Material: Sendable, Hashable {
        /// PEM, with the chain.
        package var certificate: String
        /// PEM.
        package var key: String
    }

    private let client: KubernetesClient
    private let namespace: String
    private let secretName: String

    package init(client: KubernetesClient, namespace: String, secretName: String) {
        self.client = client
        self.namespace = namespace
        self.secretName = secretName
    }

    /// Ends when whoever iterates does. Only the latest is kept for one who is slow.
    package func certificates() -> AsyncStream<Material> {
        let follower = ResourceFollower(
            client, .secrets, of: JSONTree.self, namespace: namespace, fieldSelector: "metadata.name=\(secretName)")
        return AsyncStream(bufferingPolicy: .bufferingNewest(1)) { continuation in
            let last = Latest()
            // Belongs to the stream, and ends with it.
            let task = Task {
                await follower.run { event in
                    let secrets: [JSONTree] =
                        switch event {
                        case .page(let items): items
                        case .changed(let item): [item]
                        default: []
                        }
                    // A Secret that is removed leaves what is served in place.
                    for secret in secrets {
                        guard let material = Material(secret: secret), last.replace(with: material) else { continue }
                        continuation.yield(material)
                    }
                }
                continuation.finish()
            }
            continuation.onTermination = { _ in task.cancel() }
        }
    }
}
