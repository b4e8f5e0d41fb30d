package import BlobStore
package import HTTPSemantics
package import NIOCore
package import OCI

/// A manifest, or what a HEAD tells of it.
package struct ManifestAnswer: Sendable {
    package var digest: Digest
    package var mediaType: MediaType
    /// In bytes; nil only where a HEAD was answered by an upstream that did not say.
    package var size: Int64?
    /// The exact bytes; nil where the request was a HEAD and they are not stored.
    package var bytes: ByteBuffer?
    package var status: CacheStatus

    package init(digest: Digest, mediaType: MediaType, size: Int64?, bytes: ByteBuffer?, status: CacheStatus) {
        self.digest = digest
        self.mediaType = mediaType
        self.size = size
        self.bytes = bytes
        self.status = status
    }
}

/// A blob, or what a HEAD tells of it.
package struct BlobAnswer: Sendable {
    package var digest: Digest
    /// In bytes; nil where neither a manifest nor the upstream says. Ranges cannot be answered then.
    package var size: Int64?
    /// Nil for a HEAD.
    package var content: (any BlobContent)?
    package var status: CacheStatus

    package init(digest: Digest, size: Int64?, content: (any BlobContent)?, status: CacheStatus) {
        self.digest = digest
        self.size = size
        self.content = content
        self.status = status
    }
}

/// A blob's bytes, complete or still arriving. Every reader goes at its own pace; dropping the last reference to it
/// is all that a reader has to do in the end.
package protocol BlobContent: Sendable {
    /// The next piece that begins at `offset` and ends at `limit` at the latest; waits for bytes that have yet to
    /// arrive. Returns nil at the blob's end.
    ///
    /// The last byte of a blob is not given out before its digest was verified.
    /// - Throws: ``CacheError`` where the bytes will not come; the connection must be closed then, since part of an
    ///   answer was sent. `CancellationError` when the reader's task is cancelled.
    func piece(at offset: Int64, limit: Int64) async throws -> BlobPiece?
}

/// A run of a blob's bytes.
package enum BlobPiece: Sendable {
    /// Bytes to be sent from the reader's file descriptor, or read through it.
    case stored(any BlobReader, Range<Int64>)
    case bytes(ByteBuffer)
}

/// Tags in ASCII order.
package struct TagsAnswer: Sendable {
    package var tags: [Tag]
    /// Whether there are more after the last.
    package var hasMore: Bool
    package var status: CacheStatus

    package init(tags: [Tag], hasMore: Bool, status: CacheStatus) {
        self.tags = tags
        self.hasMore = hasMore
        self.status = status
    }
}

/// An image index that lists referrers: always an answer, empty where nothing refers to the subject.
package struct ReferrersAnswer: Sendable {
    package var bytes: ByteBuffer
    /// Whether `artifactType` was applied (`OCI-Filters-Applied`).
    package var isFiltered: Bool
    package var status: CacheStatus

    package init(bytes: ByteBuffer, isFiltered: Bool, status: CacheStatus) {
        self.bytes = bytes
        self.isFiltered = isFiltered
        self.status = status
    }
}
