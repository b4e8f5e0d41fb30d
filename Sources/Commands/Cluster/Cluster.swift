internal import AdmissionWebhook
internal import ClusterCertificates
internal import ClusterSecrets
internal import ImageRewriting
internal import KubernetesClient
internal import Logging

/// What this process does at an API server: it follows images in use, keeps the webhook's certificate, reads pull secrets
/// and copies them. Each only where it is configured, so that it takes no right that it does not need.
struct Cluster: Sendable {
    let link: ClusterLink
    /// Nil where no images are followed.
    let following: ClusterFollowing?
    private let certificates: ClusterCertificateWork?
    private let certificate: ClusterCertificate?
    private let copier: SecretCopier

    /// - Parameter makesCertificates: whether certificates are looked after, for whichever process serves them.
    init(
        _ configuration: KubernetesConfiguration, webhook: WebhookConfiguration, link: ClusterLink,
        following: ClusterFollowing?, makesCertificates: Bool, logger: Logger
    ) {
        self.link = link
        self.following = following
        certificates =
            makesCertificates
            ? configuration.certificates.map { ClusterCertificateWork($0, link: link, logger: logger) } : nil
        certificate =
            webhook.tls == nil ? configuration.certificates.map { ClusterCertificate($0, link: link) } : nil
        copier = SecretCopier(client: link.client, namespace: link.namespace, logger: logger)
    }

    /// Of `weir webhook`, which asks an API server for nothing that its configuration has elsewhere.
    /// - Returns: nil where the configuration leaves nothing to an API server.
    static func ofWebhook(
        _ service: ServiceConfiguration, logger: Logger
    ) throws(CommandFailure) -> Cluster? {
        guard let configuration = service.kubernetes else { return nil }
        let link: ClusterLink
        do throws(CommandFailure) {
            link = try ClusterLink(configuration, webhook: service.webhook, logger: logger)
        } catch {
            // A pod that has its certificate and secrets as files needs no token of the API server's.
            guard service.leavesWebhookToCluster else { return nil }
            throw error
        }
        return Cluster(
            configuration, webhook: service.webhook, link: link, following: nil,
            makesCertificates: service.webhook.tls == nil, logger: logger)
    }

    /// Gives the webhook of this process what the API server has and its configuration does not say otherwise.
    func serve(_ surroundings: inout WebhookService.Surroundings, _ configuration: WebhookConfiguration) {
        surroundings.namespace = link.namespace
        if configuration.secretsDirectory == nil {
            surroundings.secrets = ClusterPullSecrets(reader: PullSecretReader(client: link.client))
        }
        surroundings.copier = ClusterSecretCopies(copier: copier)
        surroundings.certificate = certificate
    }

    /// Until cancelled.
    func run() async {
        await withTaskGroup(of: Void.self) { group in
            if let following { group.addTask { await following.run() } }
            if let certificates { group.addTask { await certificates.run() } }
            // Follows what was copied, and nothing before.
            group.addTask { await copier.run() }
        }
        await link.client.shutdown()
    }
}

extension ServiceConfiguration {
    /// Whether the webhook cannot do what it is told to without an API server.
    fileprivate var leavesWebhookToCluster: Bool {
        if webhook.tls == nil || webhook.copiesPullSecrets { return true }
        guard webhook.secretsDirectory == nil else { return false }
        return (try? webhook.asksBySecrets(webhook.settings(of: self, generation: 0))) ?? webhook.triesPodSecrets
    }
}
