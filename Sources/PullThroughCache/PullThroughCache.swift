package import BlobStore
internal import Concurrency
package import Logging
package import MetadataStore
package import OCI
package import Rules
internal import ServiceLifecycle
package import Timekeeping
package import Upstream

/// Serves content from the store where it is known and fresh, and fills the store from the upstream where it is not.
///
/// Fills, revalidations behind a client's back, and collection belong to it and not to the client that caused them;
/// they go on only while ``run()`` does.
package final class PullThroughCache: ContentSource {
    private let configuration: Configuration
    private let clock: any WallClock
    private let store: any BlobStore
    private let work = BackgroundWork()
    let catalogue: Catalogue
    private let ledger: PullLedger
    let spending: SpendLedger
    private let upstreams: UpstreamDirectory
    private let collector: Collector
    private let fills: Fills
    let manifests: Manifests
    let blobs: Blobs
    private let listings: Listings
    private let explainer: Explainer
    let planner: Planner
    private let survivor: Survivor

    /// - Parameters:
    ///   - namespaces: on which namespace a client's pulls are booked.
    ///   - contentChanged: called when other content is stored, or named by a tag, than before; must not wait.
    package init(
        configuration: Configuration, upstreams: [RuleName: any UpstreamRegistry], blobs store: any BlobStore,
        journal: any RepositoryJournal, metadata: any MetadataStore,
        namespaces: @escaping PullNamespaces = { _, _, _ in nil }, clock: any WallClock, logger: Logger,
        contentChanged: @escaping @Sendable () -> Void = {}
    ) {
        let metrics = CacheMetrics()
        self.configuration = configuration
        self.clock = clock
        self.store = store
        let work = self.work
        let catalogue = Catalogue(
            metadata: metadata, journal: journal, memoryLimitBytes: configuration.memoryLimitBytes, metrics: metrics,
            logger: logger, contentChanged: contentChanged)
        let ledger = PullLedger(metadata: metadata, clock: clock, logger: logger)
        let spending = SpendLedger(
            namespaces: namespaces, metadata: metadata, retention: configuration.spendRetention, clock: clock,
            logger: logger)
        let directory = UpstreamDirectory(upstreams, configuration: configuration, clock: clock)
        let collector = Collector(
            configuration: configuration, catalogue: catalogue, store: store, ledger: ledger, metrics: metrics,
            clock: clock, logger: logger)
        let fills = Fills(
            configuration: configuration, store: store, work: work, metrics: metrics, logger: logger,
            room: StoreRoom(
                allows: { await collector.allows(bytes: $0) }, make: { await collector.makeRoom(bytes: $0) }),
            bookkeeping: Fills.Bookkeeping(
                knownSize: { catalogue.membershipInMemory(of: $0, in: $1) },
                willStore: { digest, size in
                    let now = clock.now()
                    return await catalogue.noteStored(
                        BlobRecord(digest: digest, size: size, storedAt: now, usedAt: now))
                },
                couldNotStore: { digest in
                    // It may be stored all the same, by another fill.
                    guard let isStored = try? await store.open(digest) != nil, !isStored else { return }
                    await catalogue.noteNotStored(digest)
                },
                didFinish: { digest, size, repository, isStored in
                    catalogue.confirm(digest, size: size, in: repository, at: clock.now())
                    guard isStored else { return }
                    collector.noteStored(bytes: size)
                    if await collector.isOverLimit() {
                        work.start { _ = try? await collector.collect(isDryRun: false) }
                    }
                }))
        let fetchAhead = FetchAhead(
            isEnabled: configuration.fetchesAhead, fills: fills, store: store, work: work, metrics: metrics)
        collector.attach(fills, fetchAhead)
        let keeper = ManifestKeeper(
            catalogue: catalogue, store: store, limitBytes: configuration.manifestLimitBytes, clock: clock)
        let resolver = ManifestResolver(
            keeper: keeper, catalogue: catalogue, spending: spending, clock: clock,
            limitBytes: configuration.manifestLimitBytes, work: work)
        self.catalogue = catalogue
        self.ledger = ledger
        self.spending = spending
        self.upstreams = directory
        self.collector = collector
        self.fills = fills
        manifests = Manifests(
            catalogue: catalogue, keeper: keeper, resolver: resolver, upstreams: directory, ledger: ledger,
            fetchAhead: fetchAhead, metrics: metrics, clock: clock)
        blobs = Blobs(
            catalogue: catalogue, store: store, fills: fills, upstreams: directory, ledger: ledger,
            fetchAhead: fetchAhead, metrics: metrics, clock: clock, work: work)
        listings = Listings(
            catalogue: catalogue, manifests: manifests, upstreams: directory,
            limitBytes: configuration.manifestLimitBytes)
        planner = Planner(
            catalogue: catalogue, keeper: keeper, store: store, upstreams: directory, clock: clock)
        survivor = Survivor(catalogue: catalogue, keeper: keeper, store: store, clock: clock)
        explainer = Explainer(
            catalogue: catalogue, keeper: keeper, store: store, upstreams: directory, clock: clock)
    }

    /// Owns every task of the cache. Returns after a graceful shutdown, once running fills have ended or
    /// ``Configuration/drainTimeout`` is over, and everything decided has been written; or when cancelled.
    package func run() async throws {
        // Outside the group, since cancelling it must not lose what was decided but not yet written.
        let writing = Task { await catalogue.writer.run() }
        await withTaskGroup(of: Bool.self) { group in
            group.addTask {
                await self.work.run()
                return true
            }
            group.addTask {
                await self.ledger.run(every: self.configuration.usageInterval)
                return false
            }
            group.addTask {
                await self.spending.run(every: self.configuration.usageInterval)
                return false
            }
            group.addTask {
                await self.collector.run()
                return false
            }
            try? await gracefulShutdown()
            work.close()
            group.addTask {
                try? await Task.sleep(for: self.configuration.drainTimeout)
                return true
            }
            // The work's end, or the time limit, whichever is first.
            while let isDecisive = await group.next(), !isDecisive {}
            group.cancelAll()
        }
        await ledger.flush()
        await spending.flush()
        catalogue.writer.close()
        await writing.value
    }

    /// Puts other upstreams in place; requests under way end with those that they began with.
    package func replace(upstreams registries: [RuleName: any UpstreamRegistry]) { upstreams.replace(registries) }

    // MARK: Pulls

    package func manifestInMemory(_ request: ManifestRequest) -> ManifestAnswer? { manifests.inMemory(request) }

    package func manifest(_ request: ManifestRequest) async throws(CacheError) -> ManifestAnswer {
        try await converting { try await manifests.answer(request) }
    }

    package func blobInMemory(_ request: BlobRequest) -> BlobAnswer? { blobs.inMemory(request) }

    package func blob(_ request: BlobRequest) async throws(CacheError) -> BlobAnswer {
        try await converting { try await blobs.answer(request) }
    }

    package func tags(_ request: TagsRequest) async throws(CacheError) -> TagsAnswer {
        try await converting { try await listings.tags(request) }
    }

    package func referrers(_ request: ReferrersRequest) async throws(CacheError) -> ReferrersAnswer {
        try await converting { try await listings.referrers(request) }
    }

    package func repositories(
        after last: RepositoryKey?, limit: Int
    ) async throws(CacheError) -> [RepositoryKey] {
        try await converting { try await catalogue.metadata.repositories(after: last, limit: limit) }
    }

    // MARK: Management

    package func explain(
        _ reference: ManifestReference, in repository: RepositoryKey, rule: Rule
    ) async throws(CacheError) -> Explanation {
        try await converting { try await explainer.explain(reference, in: repository, rule: rule) }
    }

    /// Whether an image could be pulled with its upstream gone.
    /// - Parameters:
    ///   - running: what runs of it now, if that is known.
    ///   - platforms: those that it is wanted for; empty where that is unknown.
    package func survival(
        of reference: ManifestReference, in repository: RepositoryKey, rule: Rule, running: Digest? = nil,
        platforms: [Platform] = []
    ) async throws(CacheError) -> Survival {
        try await converting {
            try await survivor.survival(
                reference, in: repository, rule: rule, running: running, platforms: platforms)
        }
    }

    /// Leases of a repository, or of all.
    package func leases(in repository: RepositoryKey? = nil) async throws(CacheError) -> [LeaseRecord] {
        try await converting { try await catalogue.metadata.leases(in: repository) }
    }

    /// Evicts until the store is below its low watermark if it is above the high one, and removes what nothing
    /// references.
    package func collect(isDryRun: Bool) async throws(CacheError) -> CollectionReport {
        try await converting { try await collector.collect(isDryRun: isDryRun) }
    }

    /// Evicts one image now, whatever its age and even if pinned; nil where it is not cached.
    package func evict(
        _ reference: ManifestReference, in repository: RepositoryKey, isDryRun: Bool
    ) async throws(CacheError) -> CollectionReport? {
        try await converting {
            await catalogue.writer.flush()
            guard let image = try await catalogue.metadata.image(reference, in: repository) else { return nil }
            return try await collector.evict(image, isDryRun: isDryRun)
        }
    }

    package func setPin(
        _ isPinned: Bool, on reference: ManifestReference, in repository: RepositoryKey
    ) async throws(CacheError) {
        try await converting { try await catalogue.metadata.setPin(isPinned, on: reference, in: repository) }
    }

    package func pins() async throws(CacheError) -> [PinRecord] {
        try await converting { try await catalogue.metadata.pins() }
    }

    /// Upstreams that did not answer when they were last asked, and how they failed.
    package var upstreamFailures: [RuleName: OutageCondition] { upstreams.failures }

    package func report() async throws(CacheError) -> CacheReport {
        try await converting {
            let statistics = try await catalogue.metadata.statistics()
            let capacity = try await store.capacity()
            let waiting = upstreams.load.waiting
            return CacheReport(
                repositories: statistics.repositories, tags: statistics.tags, manifests: statistics.manifests,
                blobs: statistics.blobs, storedBytes: statistics.storedBytes,
                limitBytes: try await collector.limit(storedBytes: statistics.storedBytes),
                availableBytes: capacity.availableBytes, runningFills: max(0, fills.count - waiting),
                waitingFills: waiting)
        }
    }

    func converting<Value>(_ operation: () async throws -> Value) async throws(CacheError) -> Value {
        do { return try await operation() } catch { throw CacheError(error) }
    }
}
