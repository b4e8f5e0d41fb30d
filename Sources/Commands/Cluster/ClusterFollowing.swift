internal import ClusterCertificates
internal import ClusterImages
internal import ClusterSecrets
internal import ControlServer
internal import KubernetesClient
internal import Logging
internal import MetadataStore
internal import OCI
internal import PullThroughCache
internal import Rules
internal import Timekeeping

/// The part of the service that follows a cluster: which images its pods use, and their leases.
struct ClusterFollowing: Sendable {
    private let client: KubernetesClient
    private let follower: ImageFollower
    private let keeper: LeaseKeeper
    private let cache: PullThroughCache
    private let resolver: @Sendable () -> RunningImageResolver
    private let certificates: ClusterCertificateWork?
    private let copier: SecretCopier
    private let certificate: ClusterCertificate?
    /// Whether pull secrets are copied at all: following them takes rights that others need not give.
    private let renewsCopies: Bool

    /// Reads how the cluster is reached, and contacts nobody.
    init(
        _ configuration: KubernetesConfiguration, webhook: WebhookConfiguration, holder: ConfigurationHolder,
        metadata: any MetadataStore, cache: PullThroughCache, logger: Logger
    ) throws(CommandFailure) {
        renewsCopies = webhook.isEnabled && webhook.copiesPullSecrets
        let clock = SystemWallClock()
        let connection = try ClusterAccess.connection(configuration)
        let client = KubernetesClient(
            connection, userAgent: "weir/\(Version.text)", clock: clock,
            logger: logger)
        self.client = client
        follower = ImageFollower(
            client: client, namespace: configuration.namespace, clock: clock, logger: logger)
        let resolver: @Sendable () -> RunningImageResolver = {
            let current = holder.configuration
            let addresses = configuration.addresses + (current.rewrite.address.map { [$0] } ?? [])
            return RunningImageResolver(table: current.rules, addresses: addresses)
        }
        self.resolver = resolver
        certificates = configuration.certificates.map { certificates in
            ClusterCertificateWork(certificates, client: client, namespace: connection.namespace, logger: logger)
        }
        copier = SecretCopier(client: client, namespace: connection.namespace, logger: logger)
        certificate = configuration.certificates.map { certificates in
            ClusterCertificate(
                follower: CertificateFollower(
                    client: client, namespace: connection.namespace, secretName: certificates.secret),
                origin: "the secret \(connection.namespace)/\(certificates.secret)")
        }
        self.cache = cache
        keeper = LeaseKeeper(
            follower: follower, metadata: metadata, holder: "kubernetes", grace: configuration.leaseGrace,
            resolver: resolver, clock: clock, logger: logger)
    }

    /// Gives the webhook of this process what the API server has and its configuration does not say otherwise.
    func serve(_ surroundings: inout WebhookService.Surroundings, _ configuration: WebhookConfiguration) {
        if configuration.secretsDirectory == nil {
            surroundings.secrets = ClusterPullSecrets(reader: PullSecretReader(client: client))
        }
        surroundings.copier = ClusterSecretCopies(copier: copier)
        if configuration.tls == nil { surroundings.certificate = certificate }
    }

    /// Follows until cancelled.
    func run() async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await follower.run() }
            group.addTask { await keeper.run() }
            if let certificates { group.addTask { await certificates.run() } }
            if renewsCopies { group.addTask { await copier.run() } }
        }
        await client.shutdown()
    }

    func document() async throws(ControlError) -> ClusterDocument {
        let contact = follower.contact
        let resolver = resolver()
        var images: [ClusterDocument.Image] = []
        for entry in follower.entries { images.append(try await image(entry, resolver)) }
        return ClusterDocument(
            isComplete: contact.isComplete, lastHeard: contact.lastHeard?.milliseconds, problem: contact.problem,
            podCount: follower.podCount, images: images)
    }

    private func image(
        _ entry: ImageTable.Entry, _ resolver: RunningImageResolver
    ) async throws(ControlError) -> ClusterDocument.Image {
        var image = ClusterDocument.Image(
            image: entry.use.image, podCount: entry.podCount, namespaces: entry.namespaces,
            platforms: entry.platforms.map(\.description), isPullable: false, reasons: [])
        let running: RunningImage
        do throws(RunningImage.Stranger) {
            running = try resolver.resolve(entry.use)
        } catch {
            image.reasons = ["\(error)"]
            return image
        }
        image.rule = running.rule.name.description
        image.repository = running.repository.name.description
        image.runningDigest = running.digest?.description
        do throws(CacheError) {
            let survival = try await cache.survival(
                of: running.reference, in: running.repository, rule: running.rule, running: running.digest,
                platforms: entry.platforms)
            image.digest = survival.digest?.description
            image.isPullable = survival.obstacles.isEmpty
            image.isOtherContent = survival.isOtherContent
            image.reasons = survival.obstacles.map(\.description)
            if survival.isOtherContent {
                image.reasons.append("the tag has moved: a pull gives other content than runs")
            }
            image.missingBytes = survival.obstacles.reduce(0) { sum, obstacle in
                guard case .blobsMissing(_, _, let bytes) = obstacle else { return sum }
                return sum + bytes
            }
        } catch {
            throw ControlError(.failed, "\(running.repository), \(running.reference): \(error)")
        }
        return image
    }
}
