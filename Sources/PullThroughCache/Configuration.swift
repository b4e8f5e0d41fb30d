/// Bounds of the cache. Every one is a setting with the default given here.
package struct Configuration: Sendable, Hashable {
    /// The largest manifest that is fetched, in bytes. The specification expects 4 MiB to work.
    package var manifestLimitBytes: Int
    /// Memory for manifests that answer without touching the disk, in bytes.
    package var memoryLimitBytes: Int
    /// Transfers at one time from one upstream.
    package var fillsPerUpstream: Int
    /// Requests other than blob transfers at one time to one upstream.
    package var requestsPerUpstream: Int
    /// Requests that may wait for one upstream's turn; more are refused.
    package var waitingPerUpstream: Int
    /// How a fill goes on after its transfer broke.
    package var retries: FillRetries
    /// When a blob is fetched over more connections than one.
    package var segmentation: Segmentation
    /// Whether an image's blobs are fetched before a client asks for them, and how many at one time from one upstream.
    package var fetchesAhead: Bool
    package var fetchAheadPerUpstream: Int
    /// The largest blob that is taken where nobody said its size beforehand, in bytes: such a body might never end.
    package var unsizedBlobLimitBytes: Int64
    /// Bytes that a fill holds in memory where the disk cannot take them.
    package var windowBytes: Int
    /// What the store is kept under.
    package var storeLimit: StoreLimit
    /// How long after its last use a blob that nothing references is kept.
    package var unreferencedGrace: Duration
    /// How often pulls gathered in memory are written down.
    package var usageInterval: Duration
    /// How long is kept who spent which pulls.
    package var spendRetention: Duration
    /// How often the store is measured against its limit, beside after every fill.
    package var collectionInterval: Duration
    /// How long running fills may go on after a graceful shutdown began.
    package var drainTimeout: Duration

    package init(
        manifestLimitBytes: Int = 4 << 20, memoryLimitBytes: Int = 16 << 20, fillsPerUpstream: Int = 16,
        requestsPerUpstream: Int = 32, waitingPerUpstream: Int = 4096, retries: FillRetries = FillRetries(),
        segmentation: Segmentation = Segmentation(), fetchesAhead: Bool = true, fetchAheadPerUpstream: Int = 8,
        unsizedBlobLimitBytes: Int64 = 16 << 30,
        windowBytes: Int = 8 << 20,
        storeLimit: StoreLimit = StoreLimit(), unreferencedGrace: Duration = .seconds(600),
        usageInterval: Duration = .seconds(5), spendRetention: Duration = .seconds(30 * 86_400),
        collectionInterval: Duration = .seconds(60),
        drainTimeout: Duration = .seconds(30)
    ) {
        self.manifestLimitBytes = manifestLimitBytes
        self.memoryLimitBytes = memoryLimitBytes
        self.fillsPerUpstream = fillsPerUpstream
        self.requestsPerUpstream = requestsPerUpstream
        self.waitingPerUpstream = waitingPerUpstream
        self.retries = retries
        self.segmentation = segmentation
        self.fetchesAhead = fetchesAhead
        self.fetchAheadPerUpstream = fetchAheadPerUpstream
        self.unsizedBlobLimitBytes = unsizedBlobLimitBytes
        self.windowBytes = windowBytes
        self.storeLimit = storeLimit
        self.unreferencedGrace = unreferencedGrace
        self.usageInterval = usageInterval
        self.spendRetention = spendRetention
        self.collectionInterval = collectionInterval
        self.drainTimeout = drainTimeout
    }
}

/// A cap on the store with two watermarks: above the high one images are evicted until the low one is reached.
package struct StoreLimit: Sendable, Hashable {
    package enum Cap: Sendable, Hashable {
        /// Bytes of stored blobs.
        case bytes(Int64)
        /// A share of the file system that the store is on, whatever else is on it. 1 to 100.
        case percentOfFilesystem(Int)
    }

    /// Default: 85 percent of the file system in use.
    package var cap: Cap
    /// In percent of the cap; default 95.
    package var highWatermark: Int
    /// In percent of the cap; default 85.
    package var lowWatermark: Int

    package init(cap: Cap = .percentOfFilesystem(85), highWatermark: Int = 95, lowWatermark: Int = 85) {
        self.cap = cap
        self.highWatermark = highWatermark
        self.lowWatermark = lowWatermark
    }
}
