internal import ClusterImages
internal import ControlServer
internal import KubernetesClient
internal import Logging
internal import MetadataStore
internal import OCI
internal import PullThroughCache
internal import Rules
internal import Timekeeping

/// The part of the service that follows which images a cluster's pods use, and leases them.
struct ClusterFollowing: Sendable {
    private let follower: ImageFollower
    private let keeper: LeaseKeeper
    private let cache: PullThroughCache
    private let resolver: @Sendable () -> RunningImageResolver

    init(
        _ configuration: KubernetesConfiguration, link: ClusterLink, holder: ConfigurationHolder,
        metadata: any MetadataStore, cache: PullThroughCache, namespaces: ClientNamespaces, logger: Logger
    ) {
        let clock = SystemWallClock()
        follower = ImageFollower(
            client: link.client, namespace: configuration.namespace, clock: clock, logger: logger)
        let resolver: @Sendable () -> RunningImageResolver = {
            let current = holder.configuration
            let addresses = configuration.addresses + (current.rewrite.address.map { [$0] } ?? [])
            return RunningImageResolver(table: current.rules, addresses: addresses)
        }
        self.resolver = resolver
        namespaces.follow(follower, resolver: resolver)
        self.cache = cache
        keeper = LeaseKeeper(
            follower: follower, metadata: metadata, holder: "kubernetes", grace: configuration.leaseGrace,
            resolver: resolver, clock: clock, logger: logger)
    }

    /// Follows until cancelled.
    func run() async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await follower.run() }
            group.addTask { await keeper.run() }
        }
    }

    /// What of it stands in metrics.
    func record(in scrape: ProcessScrape) {
        let contact = follower.contact
        scrape.set("weir_cluster_pods", follower.podCount)
        scrape.set("weir_cluster_images", follower.imageCount)
        scrape.set("weir_cluster_watch_up", contact.isComplete && contact.problem == nil ? 1 : 0)
        if let heard = contact.lastHeard { scrape.set("weir_cluster_heard_timestamp_seconds", heard.seconds) }
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
            throw ControlError(
                .failed, "\(imageText(running.repository.description, running.reference.description)): \(error)")
        }
        return image
    }
}
