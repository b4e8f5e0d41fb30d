internal import BlobStore
internal import Concurrency
internal import CoreMetrics
internal import OCI
internal import Rules
internal import Synchronization

/// Fills an image's configuration and layers as soon as its manifest was served, before the client asks for them.
///
/// A client asks for a few layers at a time, and for the next ones when it has those; a slow upstream can bring them
/// meanwhile. Smallest first, so that most are there when they are asked for; only for images that were really asked
/// for, since an index is served without its children; and ended by nothing but shutdown, since what has begun to
/// come will be asked for by the next client if not by this one.
final class FetchAhead: Sendable {
    private struct State {
        /// Images looked at lately: looking again would find everything stored, or on its way.
        var considered = RecencyCache<ContentKey, Bool>(costLimit: 4096)
        /// Blobs that were fetched ahead and not asked for yet.
        var unused = RecencyCache<Digest, Bool>(costLimit: 16_384)
    }

    private let isEnabled: Bool
    private let fills: Fills
    private let store: any BlobStore
    private let work: BackgroundWork
    private let metrics: CacheMetrics
    private let state = Mutex(State())

    init(isEnabled: Bool, fills: Fills, store: any BlobStore, work: BackgroundWork, metrics: CacheMetrics) {
        self.isEnabled = isEnabled
        self.fills = fills
        self.store = store
        self.work = work
        self.metrics = metrics
    }

    /// A manifest was given to a client.
    func note(_ manifest: CachedManifest, in repository: RepositoryKey, from upstream: UpstreamHandle) {
        guard isEnabled, !manifest.mediaType.isIndex, !upstream.isPaused else { return }
        let key = ContentKey(repository: repository, digest: manifest.digest)
        let isFirst = state.withLock { state in
            defer { state.considered.insert(true, for: key) }
            return state.considered.value(for: key) == nil
        }
        guard isFirst else { return }
        work.start { await self.fetch(manifest, in: repository, from: upstream) }
    }

    /// A client asked for a blob.
    func noteUse(of blob: Digest) {
        let wasUnused = state.withLock { state in
            defer { state.unused.removeValue(for: blob) }
            return state.unused.peek(blob) != nil
        }
        if wasUnused { metrics.fetchedAheadUsed.increment() }
    }

    /// A blob was removed from the store, and has to be fetched again when its image is asked for.
    func noteRemoval(of blob: Digest) {
        let wasUnused = state.withLock { state in
            state.considered.removeAll()
            defer { state.unused.removeValue(for: blob) }
            return state.unused.peek(blob) != nil
        }
        if wasUnused { metrics.fetchedAheadUnused.increment() }
    }

    private func fetch(_ manifest: CachedManifest, in repository: RepositoryKey, from upstream: UpstreamHandle) async {
        guard let contents = try? manifest.contents() else { return }
        let blobs = contents.blobs.filter { !$0.hasOtherSources && !$0.mediaType.isNonDistributable }
        await withDiscardingTaskGroup { group in
            for blob in blobs.sorted(by: { $0.size < $1.size }) {
                // Beyond the gate's bound of waiting ones nothing is fetched ahead: the clients will ask.
                guard await upstream.ahead.enterInOrder() else { return }
                group.addTask {
                    defer { upstream.ahead.leave() }
                    await self.fetch(blob, in: repository, from: upstream)
                }
            }
        }
    }

    private func fetch(_ blob: Descriptor, in repository: RepositoryKey, from upstream: UpstreamHandle) async {
        // Each failure has its reaction elsewhere; here it means that nothing more is asked for without need.
        guard !upstream.isPaused, fills.current(of: blob.digest, by: repository.rule) == nil else { return }
        guard let isStored = try? await store.open(blob.digest) != nil, !isStored else { return }
        let source = Fills.Source(upstream: upstream, repository: repository, expectedSize: blob.size)
        guard let fill = fills.start(blob.digest, from: source) else { return }
        let forgotten = state.withLock { $0.unused.insertReportingDropped(true, for: blob.digest) }
        metrics.fetchedAheadUnused.increment(by: Int64(forgotten.count))
        metrics.fetchedAhead.increment()
        await fill.waitForEnd()
    }
}
