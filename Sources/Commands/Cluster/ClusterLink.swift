internal import KubernetesClient
internal import Logging

/// The API server, as all of this process speaks with it.
struct ClusterLink: Sendable {
    let client: KubernetesClient
    /// Weir's own: it has the secrets that rules name, the certificates and the lease.
    let namespace: String

    /// Reads how the cluster is reached, and contacts nobody.
    init(
        _ configuration: KubernetesConfiguration, webhook: WebhookConfiguration, logger: Logger
    ) throws(CommandFailure) {
        let connection = try ClusterAccess.connection(configuration)
        client = KubernetesClient(connection, userAgent: "weir/\(Version.text)", logger: logger)
        namespace = webhook.namespace ?? connection.namespace
    }
}
