internal import BlobStore
internal import Concurrency
internal import CoreMetrics
internal import Logging
internal import NIOCore
internal import OCI
internal import Rules
internal import Synchronization
internal import Upstream

/// Every fill: one for each blob, however many ask for it.
final class Fills: Sendable {
    /// What a fill needs beside the blob's digest.
    struct Source: Sendable {
        let upstream: UpstreamHandle
        let repository: RepositoryKey
        /// From a manifest that names the blob, or from the upstream's HEAD; in bytes.
        let expectedSize: Int64?
    }

    /// What happens beside the bytes.
    struct Bookkeeping: Sendable {
        /// The size of a blob that the repository is known to hold.
        let knownSize: @Sendable (_ digest: Digest, RepositoryKey) -> Int64?
        /// The blob is about to be put into the store. Its row goes before its file: a row without its file is a
        /// miss, and a file without its row nobody would ever remove. Returns false where it could not be written.
        let willStore: @Sendable (_ digest: Digest, _ size: Int64) async -> Bool
        /// The store refused it after all.
        let couldNotStore: @Sendable (_ digest: Digest) async -> Void
        /// Everybody who waited has the blob, whether or not it is stored.
        let didFinish: @Sendable (_ digest: Digest, _ size: Int64, RepositoryKey, _ isStored: Bool) async -> Void
    }

    private let configuration: Configuration
    private let store: any BlobStore
    private let work: BackgroundWork
    private let metrics: CacheMetrics
    private let logger: Logger
    private let room: StoreRoom
    private let bookkeeping: Bookkeeping
    private let table = Mutex(FillTable())

    init(
        configuration: Configuration, store: any BlobStore, work: BackgroundWork, metrics: CacheMetrics,
        logger: Logger, room: StoreRoom, bookkeeping: Bookkeeping
    ) {
        self.configuration = configuration
        self.store = store
        self.work = work
        self.metrics = metrics
        self.logger = logger
        self.room = room
        self.bookkeeping = bookkeeping
    }

    var count: Int { table.withLock { $0.count } }

    /// The fill of `digest` that is under way.
    func current(of digest: Digest, by rule: RuleName) -> Fill? { table.withLock { $0.fill(of: digest, by: rule) } }

    /// The repositories that blobs are on their way to.
    var repositories: Set<RepositoryKey> { table.withLock { $0.repositories } }

    /// A way into the fill of `digest`, which is begun if there is none.
    /// - Parameter isOwn: joins no other repository's fill.
    /// - Returns: the reader, and whether the fill was another's.
    func join(
        _ digest: Digest, from source: Source, isOwn: Bool = false
    ) async throws -> (reader: FillReader, isCollapsed: Bool) {
        while true {
            let fill = Fill(digest: digest, repository: source.repository, windowBytes: configuration.windowBytes)
            guard let first = fill.makeReader() else { throw CacheError.cancelled }
            switch table.withLock({ $0.join(fill, reader: first, isOwn: isOwn) }) {
            case .leader(let reader):
                metrics.fillsStarted.increment()
                if !work.start({ await self.perform(fill, from: source) }) { finish(fill, .cancelled) }
                return (reader, false)
            case .follower(let reader):
                metrics.fillsJoined.increment()
                return (reader, true)
            case .afterRemoval(let waiter):
                try await waiter.value()
            }
        }
    }

    /// Begins to fill `digest`, unless that is under way, for nobody in particular.
    /// - Returns: the fill, if it was begun here.
    @discardableResult
    func start(_ digest: Digest, from source: Source) -> Fill? {
        let fill = Fill(digest: digest, repository: source.repository, windowBytes: configuration.windowBytes)
        guard table.withLock({ $0.begin(fill) }) else { return nil }
        metrics.fillsStarted.increment()
        if !work.start({ await self.perform(fill, from: source) }) { finish(fill, .cancelled) }
        return fill
    }

    /// Performs `removal` while nobody fills `digest`; returns nil, having done nothing, where somebody does.
    func removing<Value>(_ digest: Digest, _ removal: () async throws -> Value) async rethrows -> Value? {
        guard table.withLock({ $0.beginRemoval(of: digest) }) else { return nil }
        defer {
            for waiter in table.withLock({ $0.endRemoval(of: digest) }) { waiter.resume(.success(())) }
        }
        return try await removal()
    }

    private func finish(_ fill: Fill, _ error: CacheError?) {
        if let error { fill.fail(error) }
        table.withLock { $0.finish(fill) }
        fill.settle()
    }

    private func perform(_ fill: Fill, from source: Source) async {
        let sink = FillSink(fill: fill, store: store, expectedSize: source.expectedSize, room: room)
        metrics.runningFills.record(count)
        defer { metrics.runningFills.record(count) }
        let transfer = FillTransfer(
            fill: fill, source: source, configuration: configuration, metrics: metrics, logger: logger)
        // It may have been stored since somebody looked, and this repository be known to hold it.
        if let size = source.expectedSize ?? bookkeeping.knownSize(fill.digest, source.repository),
            let reader = try? await store.open(fill.digest), reader.size == size
        {
            fill.begin(size: reader.size)
            fill.advance(to: reader.size, in: reader)
            fill.succeed()
            finish(fill, nil)
            return
        }
        var outcome: FillTransfer.Outcome?
        do {
            outcome = try await withTaskExecutorPreference(store.writingExecutor) {
                try await source.upstream.fills.pass { try await transfer.run(into: sink) }
            }
            try await sink.verify()
        } catch {
            await sink.abandon()
            fail(fill, from: source, wasShared: outcome?.usedSegments ?? false, because: CacheError(error))
            return
        }
        // The readers have everything now; what follows makes it last.
        fill.succeed()
        var isStored = false
        do {
            if sink.isStoring, await bookkeeping.willStore(fill.digest, fill.written) {
                isStored = try await sink.commit()
            }
            if !isStored { await sink.abandon() }
        } catch {
            await bookkeeping.couldNotStore(fill.digest)
            logger.error("a blob could not be stored", metadata: ["digest": "\(fill.digest)", "reason": "\(error)"])
        }
        if let refusal = sink.refusal {
            metrics.fillsPassedThrough.increment()
            logger.error(
                "a blob was passed through without being stored",
                metadata: ["digest": "\(fill.digest)", "reason": "\(refusal)"])
        }
        await bookkeeping.didFinish(fill.digest, fill.written, source.repository, isStored)
        metrics.fillsCompleted.increment()
        finish(fill, nil)
    }

    private func fail(_ fill: Fill, from source: Source, wasShared: Bool, because error: CacheError) {
        metrics.countFailedFill(error)
        logger.warning(
            "a fill failed",
            metadata: [
                "digest": "\(fill.digest)", "repository": "\(source.repository)", "bytes": "\(fill.written)",
                "reason": "\(error)",
            ])
        finish(fill, error)
        // Ranges that are of different content each: from here on in one piece, and this one at once.
        guard wasShared, case .digestMismatch = error else { return }
        source.upstream.notePointlessSegments(pause: configuration.segmentation.pause)
        start(fill.digest, from: source)
    }
}
