package import OCI
package import Rules
package import Timekeeping

/// What a tag names.
package struct TagRecord: Sendable, Hashable {
    package var repository: RepositoryKey
    package var tag: Tag
    package var digest: Digest
    /// Where the upstream said so; a HEAD may name a manifest that was never stored.
    package var mediaType: MediaType?
    /// Bytes of the manifest, where the upstream said so.
    package var size: Int64?
    /// When the upstream last confirmed it.
    package var checkedAt: Timestamp

    package init(
        repository: RepositoryKey, tag: Tag, digest: Digest, mediaType: MediaType?, size: Int64?, checkedAt: Timestamp
    ) {
        self.repository = repository
        self.tag = tag
        self.digest = digest
        self.mediaType = mediaType
        self.size = size
        self.checkedAt = checkedAt
    }
}

/// A manifest that a repository holds.
package struct ManifestRecord: Sendable, Hashable {
    package var repository: RepositoryKey
    package var digest: Digest
    /// Nil where the repository is only known to hold it through a tag or an index.
    package var mediaType: MediaType?
    /// In bytes; nil like ``mediaType``.
    package var size: Int64?
    package var fetchedAt: Timestamp?

    package init(
        repository: RepositoryKey, digest: Digest, mediaType: MediaType?, size: Int64?, fetchedAt: Timestamp?
    ) {
        self.repository = repository
        self.digest = digest
        self.mediaType = mediaType
        self.size = size
        self.fetchedAt = fetchedAt
    }
}

/// That a repository holds a blob.
package struct BlobMembership: Sendable, Hashable {
    /// In bytes.
    package let size: Int64
    package let mediaType: MediaType?

    package init(size: Int64, mediaType: MediaType?) {
        self.size = size
        self.mediaType = mediaType
    }
}

/// A blob that the blob store holds.
package struct BlobRecord: Sendable, Hashable {
    package var digest: Digest
    /// In bytes.
    package var size: Int64
    package var storedAt: Timestamp
    package var usedAt: Timestamp

    package init(digest: Digest, size: Int64, storedAt: Timestamp, usedAt: Timestamp) {
        self.digest = digest
        self.size = size
        self.storedAt = storedAt
        self.usedAt = usedAt
    }
}

/// Pulls of one manifest or blob since they were last written down.
package struct PullRecord: Sendable, Hashable {
    package enum Content: Sendable, Hashable { case manifest, blob }

    package var repository: RepositoryKey
    package var digest: Digest
    package var content: Content
    package var lastPulledAt: Timestamp
    package var count: Int

    package init(
        repository: RepositoryKey, digest: Digest, content: Content, lastPulledAt: Timestamp, count: Int
    ) {
        self.repository = repository
        self.digest = digest
        self.content = content
        self.lastPulledAt = lastPulledAt
        self.count = count
    }
}

/// A manifest with its children and everything they name: what is evicted as one.
package struct ImageRecord: Sendable, Hashable {
    package var repository: RepositoryKey
    package var digest: Digest
    /// In order.
    package var tags: [Tag]
    package var mediaType: MediaType?
    /// The later of fetching and pulling, of the manifest or any of its children.
    package var lastPulledAt: Timestamp
    package var pullCount: Int
    /// Whether a pin leads to its manifest or to any of its children.
    package var isPinned: Bool
    /// Whether a lease does, one that has ended included.
    package var isLeased: Bool
    /// Its stored manifests and blobs with their bytes, those that it shares with other images included.
    package var stored: [Digest: Int64]

    package init(
        repository: RepositoryKey, digest: Digest, tags: [Tag], mediaType: MediaType?, lastPulledAt: Timestamp,
        pullCount: Int, isPinned: Bool, isLeased: Bool = false, stored: [Digest: Int64]
    ) {
        self.repository = repository
        self.digest = digest
        self.tags = tags
        self.mediaType = mediaType
        self.lastPulledAt = lastPulledAt
        self.pullCount = pullCount
        self.isPinned = isPinned
        self.isLeased = isLeased
        self.stored = stored
    }

    /// The bytes of everything ``stored``.
    package var storedBytes: Int64 { stored.values.reduce(0, +) }
}

/// A reference that is kept whatever its last pull.
package struct PinRecord: Sendable, Hashable {
    package var repository: RepositoryKey
    package var reference: ManifestReference

    package init(repository: RepositoryKey, reference: ManifestReference) {
        self.repository = repository
        self.reference = reference
    }
}

/// A reference that is kept until a moment, since somebody uses it.
package struct LeaseRecord: Sendable, Hashable {
    package var repository: RepositoryKey
    package var reference: ManifestReference
    /// Who uses it, such as a cluster.
    package var holder: String
    package var expiresAt: Timestamp

    package init(repository: RepositoryKey, reference: ManifestReference, holder: String, expiresAt: Timestamp) {
        self.repository = repository
        self.reference = reference
        self.holder = holder
        self.expiresAt = expiresAt
    }
}

/// How much the catalogue knows.
package struct CatalogueStatistics: Sendable, Hashable {
    package var repositories: Int
    package var tags: Int
    package var manifests: Int
    package var blobs: Int
    /// The bytes of all stored blobs, manifests included.
    package var storedBytes: Int64

    package init(repositories: Int, tags: Int, manifests: Int, blobs: Int, storedBytes: Int64) {
        self.repositories = repositories
        self.tags = tags
        self.manifests = manifests
        self.blobs = blobs
        self.storedBytes = storedBytes
    }
}

/// What a catalogue can answer other than what was asked for.
package enum MetadataStoreError: Error, Hashable, CustomStringConvertible {
    /// The file system of the database is full or cannot be written to.
    case notWritable
    /// The database is damaged; `weir fsck --rebuild` makes it anew.
    case corrupt
    /// The database was written by a newer Weir.
    case newerSchema
    /// Any other failure, by SQLite's or PostgreSQL's code.
    case backend(code: Int32, message: String)

    package var description: String {
        switch self {
        case .notWritable: "the catalogue cannot be written to: its file system is full or read-only"
        case .corrupt: "the catalogue is damaged; rebuild it with 'weir fsck --rebuild'"
        case .newerSchema: "the catalogue was written by a newer version of Weir"
        case .backend(let code, let message): "the catalogue failed with code \(code): \(message)"
        }
    }
}

/// What a tag named, and whether its repository is known to hold that.
package struct TaggedManifest: Sendable, Hashable {
    package var tag: TagRecord
    package var manifest: ManifestRecord?

    package init(tag: TagRecord, manifest: ManifestRecord?) {
        self.tag = tag
        self.manifest = manifest
    }
}
