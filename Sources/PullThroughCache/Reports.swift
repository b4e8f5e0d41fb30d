package import OCI
package import Rules
package import Timekeeping

/// What a pull of a reference would do, without doing it.
package struct Explanation: Sendable, Hashable {
    package enum Freshness: Sendable, Hashable {
        /// A digest never changes.
        case immutable
        case fresh(until: Timestamp)
        case stale(since: Timestamp)
        case unknown
    }

    package var rule: RuleName
    package var repository: RepositoryKey
    package var reference: ManifestReference
    /// What the reference names as far as is known.
    package var digest: Digest?
    package var isManifestStored: Bool
    package var freshness: Freshness
    package var isPinned: Bool
    /// Until when it is leased for those who use it; nil where nobody does.
    package var leasedUntil: Timestamp?
    /// Blobs that the stored manifest, and its stored children, name; and how many of them are stored.
    package var blobCount: Int
    package var storedBlobCount: Int
    /// The bytes of those blobs that are not stored.
    package var missingBytes: Int64
    /// What would be asked of the upstream, in order, in words: `HEAD manifests/latest`.
    package var upstreamCalls: [String]
    /// What this would cost of the upstream's pull limit, in pulls.
    package var pullCost: Int

    package init(
        rule: RuleName, repository: RepositoryKey, reference: ManifestReference, digest: Digest?,
        isManifestStored: Bool, freshness: Freshness, isPinned: Bool, blobCount: Int, storedBlobCount: Int,
        missingBytes: Int64, upstreamCalls: [String], pullCost: Int, leasedUntil: Timestamp? = nil
    ) {
        self.rule = rule
        self.repository = repository
        self.reference = reference
        self.digest = digest
        self.isManifestStored = isManifestStored
        self.freshness = freshness
        self.isPinned = isPinned
        self.leasedUntil = leasedUntil
        self.blobCount = blobCount
        self.storedBlobCount = storedBlobCount
        self.missingBytes = missingBytes
        self.upstreamCalls = upstreamCalls
        self.pullCost = pullCost
    }
}

/// What a collection removed, or would remove.
package struct CollectionReport: Sendable, Hashable {
    package struct Image: Sendable, Hashable {
        package var repository: RepositoryKey
        package var tags: [Tag]
        package var digest: Digest
        package var lastPulledAt: Timestamp

        package init(repository: RepositoryKey, tags: [Tag], digest: Digest, lastPulledAt: Timestamp) {
            self.repository = repository
            self.tags = tags
            self.digest = digest
            self.lastPulledAt = lastPulledAt
        }
    }

    package var isDryRun: Bool
    /// Images evicted, in the order of eviction.
    package var images: [Image]
    package var blobCount: Int
    package var freedBytes: Int64
    /// The store's bytes before, and what it is to be kept under; nil: no limit is set.
    package var storedBytesBefore: Int64
    package var limitBytes: Int64?

    package init(
        isDryRun: Bool, images: [Image], blobCount: Int, freedBytes: Int64, storedBytesBefore: Int64,
        limitBytes: Int64?
    ) {
        self.isDryRun = isDryRun
        self.images = images
        self.blobCount = blobCount
        self.freedBytes = freedBytes
        self.storedBytesBefore = storedBytesBefore
        self.limitBytes = limitBytes
    }
}

/// What the cache holds and does at this moment.
package struct CacheReport: Sendable, Hashable {
    package var repositories: Int
    package var tags: Int
    package var manifests: Int
    package var blobs: Int
    package var storedBytes: Int64
    package var limitBytes: Int64?
    /// What the file system still has room for; nil where unknown.
    package var availableBytes: Int64?
    package var runningFills: Int
    package var waitingFills: Int

    package init(
        repositories: Int, tags: Int, manifests: Int, blobs: Int, storedBytes: Int64, limitBytes: Int64?,
        availableBytes: Int64?, runningFills: Int, waitingFills: Int
    ) {
        self.repositories = repositories
        self.tags = tags
        self.manifests = manifests
        self.blobs = blobs
        self.storedBytes = storedBytes
        self.limitBytes = limitBytes
        self.availableBytes = availableBytes
        self.runningFills = runningFills
        self.waitingFills = waitingFills
    }
}
