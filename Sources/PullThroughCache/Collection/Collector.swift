internal import BlobStore
internal import CoreMetrics
internal import Logging
internal import MetadataStore
internal import OCI
internal import Rules
internal import Synchronization
internal import Timekeeping

/// Keeps the store within its limit, and removes what nothing references, while pulls go on.
///
/// A blob's bytes go first and its row after them, while nobody can begin to fill it, so that a kill in between leaves a
/// row without bytes, which is a miss, and never bytes that nobody knows of. Readers that have it open keep it until
/// they are done.
final class Collector: Sendable {
    /// Images looked at in one step.
    private static let batch = 64
    /// Images that a dry run looks at; beyond that its figures are low.
    private static let dryRunLimit = 20_000

    private let configuration: Configuration
    private let catalogue: Catalogue
    private let store: any BlobStore
    private let ledger: PullLedger
    private let metrics: CacheMetrics
    private let clock: any WallClock
    private let logger: Logger
    private let turn = Gate(limit: 1, waitingLimit: 1024)
    /// Bytes of all stored blobs, followed between two countings; nil before the first.
    private let storedBytes = Mutex<Int64?>(nil)
    /// Set once: collecting needs the fills, and fills ask for room.
    private let fills = Mutex<Fills?>(nil)
    private let fetchAhead = Mutex<FetchAhead?>(nil)

    init(
        configuration: Configuration, catalogue: Catalogue, store: any BlobStore, ledger: PullLedger,
        metrics: CacheMetrics, clock: any WallClock, logger: Logger
    ) {
        self.configuration = configuration
        self.catalogue = catalogue
        self.store = store
        self.ledger = ledger
        self.metrics = metrics
        self.clock = clock
        self.logger = logger
    }

    func attach(_ fills: Fills, _ fetchAhead: FetchAhead) {
        self.fills.withLock { $0 = fills }
        self.fetchAhead.withLock { $0 = fetchAhead }
    }

    // MARK: When to collect

    /// Takes note of a blob that was stored.
    func noteStored(bytes: Int64) { adjust(by: bytes) }

    /// Whether the store is above its high watermark, as far as is known without counting.
    func isOverLimit() async -> Bool {
        guard let stored = storedBytes.withLock({ $0 }) else { return false }
        return (try? await excess(storedBytes: stored)) != nil
    }

    /// Collects at every interval until cancelled.
    func run() async {
        while !Task.isCancelled {
            do {
                _ = try await collect(isDryRun: false)
            } catch is CancellationError {
                return
            } catch {
                logger.error("collecting failed", metadata: ["reason": "\(CacheError(error))"])
            }
            try? await Task.sleep(for: configuration.collectionInterval)
        }
    }

    /// Whether a blob of so many bytes may be stored at all.
    func allows(bytes: Int64) async -> Bool {
        let stored = storedBytes.withLock { $0 } ?? 0
        guard let limit = try? await limit(storedBytes: stored) else { return true }
        return bytes <= limit
    }

    /// The disk refused bytes: frees what was used longest ago. Returns whether anything became free.
    func makeRoom(bytes: Int64) async -> Bool {
        do {
            let report = try await collect(isDryRun: false, atLeast: bytes, grace: .zero)
            return report.freedBytes > 0
        } catch {
            logger.error("room could not be made in the store", metadata: ["reason": "\(CacheError(error))"])
            return false
        }
    }

    // MARK: Collecting

    /// Brings the store below its low watermark if it is above the high one, and frees `atLeast` bytes in any case.
    func collect(
        isDryRun: Bool, atLeast: Int64 = 0, grace: Duration? = nil
    ) async throws -> CollectionReport {
        try await turn.pass {
            await ledger.flush()
            await catalogue.writer.flush()
            if !isDryRun { try await catalogue.metadata.removeLeases(of: nil, endingBefore: clock.now()) }
            let before = try await count()
            var report = CollectionReport(
                isDryRun: isDryRun, images: [], blobCount: 0, freedBytes: 0, storedBytesBefore: before,
                limitBytes: try await limit(storedBytes: before))
            let unusedSince = clock.now() - (grace ?? configuration.unreferencedGrace)
            try await removeUnreferenced(usedBefore: unusedSince, into: &report)
            let target = max(atLeast, try await excess(storedBytes: before) ?? 0)
            if isDryRun {
                try await plan(freeing: target, into: &report)
            } else {
                try await evict(freeing: target, into: &report)
            }
            return report
        }
    }

    /// Evicts `image` now, pinned or not.
    func evict(_ image: ImageRecord, isDryRun: Bool) async throws -> CollectionReport {
        try await turn.pass {
            var report = CollectionReport(
                isDryRun: isDryRun, images: [], blobCount: 0, freedBytes: 0, storedBytesBefore: try await count(),
                limitBytes: nil)
            if isDryRun {
                var unpinned = image
                unpinned.isPinned = false
                unpinned.isLeased = false
                let others = try await catalogue.metadata.images(limit: Self.dryRunLimit)
                    .filter { $0.repository != image.repository || $0.digest != image.digest }
                report.add(EvictionPlan([unpinned] + others, bytesToFree: 1) { $0 != unpinned })
            } else {
                try await remove(image, into: &report)
            }
            return report
        }
    }

    private func plan(freeing target: Int64, into report: inout CollectionReport) async throws {
        guard report.freedBytes < target else { return }
        let images = try await catalogue.metadata.images(limit: Self.dryRunLimit)
        report.add(
            EvictionPlan(images, bytesToFree: target - report.freedBytes, isProtected: inUse()))
    }

    private func evict(freeing target: Int64, into report: inout CollectionReport) async throws {
        var skipped = 0
        while report.freedBytes < target {
            try Task.checkCancellation()
            let images = try await catalogue.metadata.images(limit: Self.batch + skipped)
            let plan = EvictionPlan(
                images, bytesToFree: target - report.freedBytes, isProtected: inUse())
            guard !plan.images.isEmpty else {
                // Everything seen is pinned or in use; look behind it, if there is more.
                guard images.count == Self.batch + skipped else { return }
                skipped = images.count
                continue
            }
            for image in plan.images {
                guard report.freedBytes < target else { break }
                try await remove(image, into: &report)
            }
        }
    }

    private func remove(_ image: ImageRecord, into report: inout CollectionReport) async throws {
        let manifests = try await catalogue.metadata.removeImage(image.digest, in: image.repository)
        let digests = Array(image.stored.keys)
        await catalogue.forget(image.repository, digests: manifests, tags: image.tags, blobs: digests)
        for digest in digests { try await removeBlob(digest, into: &report) }
        metrics.evictedImages.increment()
        report.images.append(CollectionReport.Image(image))
        logger.info(
            "an image was evicted",
            metadata: [
                "repository": "\(image.repository)", "digest": "\(image.digest)",
                "tags": "\(image.tags.map(\.description).joined(separator: ","))",
            ])
    }

    private func removeUnreferenced(usedBefore moment: Timestamp, into report: inout CollectionReport) async throws {
        while true {
            try Task.checkCancellation()
            let blobs = try await catalogue.metadata.unreferencedBlobs(usedBefore: moment, limit: 512)
            if report.isDryRun {
                report.blobCount += blobs.count
                report.freedBytes += blobs.reduce(0) { $0 + $1.size }
                return
            }
            let before = report.blobCount
            for blob in blobs { try await removeBlob(blob.digest, into: &report) }
            // Those that are left are being filled again just now.
            guard blobs.count == 512, report.blobCount > before else { return }
        }
    }

    /// Removes a blob that nothing references any longer; leaves one that something does, or that is being filled.
    private func removeBlob(_ digest: Digest, into report: inout CollectionReport) async throws {
        guard let fills = fills.withLock({ $0 }) else { return }
        let freed = try await fills.removing(digest) { () -> Int64? in
            guard try await catalogue.metadata.isUnreferenced(blob: digest) else { return nil }
            let bytes = try await store.remove(digest)
            _ = try await catalogue.metadata.removeUnreferenced(blob: digest)
            return bytes
        }
        guard case .some(.some(let bytes)) = freed else { return }
        adjust(by: -bytes)
        fetchAhead.withLock { $0 }?.noteRemoval(of: digest)
        metrics.evictedBytes.increment(by: bytes)
        report.blobCount += 1
        report.freedBytes += bytes
    }

    /// Images that somebody is pulling: those of a repository that blobs are on their way to, if they were asked for
    /// lately. Their other layers are about to be asked for.
    private func inUse() -> (ImageRecord) -> Bool {
        let repositories = fills.withLock { $0 }?.repositories ?? []
        let since = clock.now() - configuration.unreferencedGrace
        return { repositories.contains($0.repository) && $0.lastPulledAt >= since }
    }

    // MARK: Measuring

    private func count() async throws -> Int64 {
        let bytes = try await catalogue.metadata.statistics().storedBytes
        storedBytes.withLock { $0 = bytes }
        metrics.storedBytes.record(bytes)
        return bytes
    }

    private func adjust(by bytes: Int64) {
        let stored = storedBytes.withLock { stored -> Int64? in
            stored = stored.map { max(0, $0 + bytes) }
            return stored
        }
        if let stored { metrics.storedBytes.record(stored) }
    }

    /// What the store may take now, in bytes; nil where that is unknown.
    func limit(storedBytes: Int64) async throws -> Int64? {
        let capacity = try await store.capacity()
        return configuration.storeLimit.room(
            storedBytes: storedBytes, totalBytes: capacity.totalBytes, availableBytes: capacity.availableBytes)
    }

    private func excess(storedBytes: Int64) async throws -> Int64? {
        let capacity = try await store.capacity()
        return configuration.storeLimit.excess(
            storedBytes: storedBytes, totalBytes: capacity.totalBytes, availableBytes: capacity.availableBytes)
    }
}

extension CollectionReport {
    mutating func add(_ plan: EvictionPlan) {
        images += plan.images.map(Image.init)
        blobCount += plan.freedBlobs
        freedBytes += plan.freedBytes
    }
}

extension CollectionReport.Image {
    init(_ image: ImageRecord) {
        self.init(
            repository: image.repository, tags: image.tags, digest: image.digest, lastPulledAt: image.lastPulledAt)
    }
}
