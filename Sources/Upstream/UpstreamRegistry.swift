package import NIOCore
package import OCI

/// A registry that content is pulled from, as one rule sees it: with that rule's account, address and limits.
///
/// Nothing is contacted before the first call. Every function is bounded in time and in bytes, retries what is
/// idempotent within those bounds, and may be cancelled.
package protocol UpstreamRegistry: Sendable {
    /// Asks what `reference` names without counting as a pull (HEAD).
    func resolve(
        _ reference: ManifestReference, in repository: RepositoryName
    ) async throws(UpstreamError) -> ResolvedManifest

    /// Fetches a manifest's exact bytes. The digest is not verified here.
    /// - Parameters:
    ///   - limitBytes: larger manifests fail with ``UpstreamError/tooLarge(limitBytes:)``.
    ///   - purpose: which part of the rule's budget it may use.
    func manifest(
        _ reference: ManifestReference, in repository: RepositoryName, limitBytes: Int, for purpose: PullPurpose
    ) async throws(UpstreamError) -> ReceivedManifest

    /// Asks whether `repository` holds a blob, and how large it is, where the upstream says so (HEAD).
    func blobSize(_ digest: Digest, in repository: RepositoryName) async throws(UpstreamError) -> Int64?

    /// Starts fetching a blob. Retries nothing once it has returned; the caller resumes by calling again.
    /// - Parameters:
    ///   - offset: where to start, in bytes; an upstream without ranges starts at 0 all the same, and
    ///     ``BlobTransfer/offset`` says so. One at or beyond the blob's end fails with
    ///     ``UpstreamError/unexpectedStatus(_:)`` 416.
    ///   - end: where to stop, beyond `offset`; nil: with the blob. An upstream may go on all the same.
    func blob(
        _ digest: Digest, in repository: RepositoryName, from offset: Int64, to end: Int64?
    ) async throws(UpstreamError) -> BlobTransfer

    /// One page of tags.
    func tags(
        in repository: RepositoryName, after last: String?, limit: Int?
    ) async throws(UpstreamError) -> TagPage

    /// The upstream's list of what refers to `subject`; throws ``UpstreamError/notFound`` where it has no such API.
    func referrers(
        of subject: Digest, in repository: RepositoryName, artifactType: String?, limitBytes: Int
    ) async throws(UpstreamError) -> ReceivedReferrers

    /// How short the budget is: from 0, plenty, to 1, nothing left. Asks nobody.
    var urgency: Double { get }

    /// Why a pull for `purpose` would be refused now, as far as is known; nil where it would be sent. Asks nobody, and
    /// reserves nothing.
    func refusal(of purpose: PullPurpose) -> UpstreamError?
}

/// What a manifest is fetched for.
package enum PullPurpose: String, Sendable, Hashable {
    /// A client waits, and nothing that is cached can stand in.
    case first
    /// A client waits for what a tag has moved to; what it named before is cached.
    case update
    /// No client waits: what Weir fetches by itself.
    case background
}

extension UpstreamRegistry {
    /// Without a budget there is always plenty.
    package var urgency: Double { 0 }
    package func refusal(of purpose: PullPurpose) -> UpstreamError? { nil }

    package func manifest(
        _ reference: ManifestReference, in repository: RepositoryName, limitBytes: Int
    ) async throws(UpstreamError) -> ReceivedManifest {
        try await manifest(reference, in: repository, limitBytes: limitBytes, for: .first)
    }

    /// Starts fetching a blob from `offset` to its end.
    package func blob(
        _ digest: Digest, in repository: RepositoryName, from offset: Int64
    ) async throws(UpstreamError) -> BlobTransfer {
        try await blob(digest, in: repository, from: offset, to: nil)
    }
}

/// What a HEAD of a manifest told.
package struct ResolvedManifest: Sendable, Hashable {
    /// Nil where the upstream sent no `Docker-Content-Digest`: then only a GET tells.
    package var digest: Digest?
    package var mediaType: MediaType?
    /// In bytes.
    package var size: Int64?

    package init(digest: Digest?, mediaType: MediaType?, size: Int64?) {
        self.digest = digest
        self.mediaType = mediaType
        self.size = size
    }
}

/// A manifest as an upstream sent it.
package struct ReceivedManifest: Sendable, Hashable {
    package var bytes: ByteBuffer
    /// The `Content-Type`, where it was a media type.
    package var mediaType: MediaType?
    /// The `Docker-Content-Digest`, where there was one; unverified.
    package var digest: Digest?

    package init(bytes: ByteBuffer, mediaType: MediaType?, digest: Digest?) {
        self.bytes = bytes
        self.mediaType = mediaType
        self.digest = digest
    }
}

/// A blob that is on its way.
package struct BlobTransfer: Sendable {
    /// The offset of ``body``'s first byte in the blob.
    package var offset: Int64
    /// The whole blob's size in bytes, where the upstream said it.
    package var totalSize: Int64?
    /// The bytes, pulled by the reader; ends early by throwing ``UpstreamError``, never silently.
    package var body: BlobBody

    package init(offset: Int64, totalSize: Int64?, body: BlobBody) {
        self.offset = offset
        self.totalSize = totalSize
        self.body = body
    }
}

/// The bytes of a transfer, in order. Iterated once. Dropping it ends the transfer.
package struct BlobBody: AsyncSequence, Sendable {
    package typealias Element = ByteBuffer
    package typealias Failure = any Error

    private let makeIterator: @Sendable () -> AsyncIterator

    /// - Parameter makeNext: called once for each iteration; returns the function that gives the next chunk.
    package init(_ makeNext: @escaping @Sendable () -> (() async throws -> ByteBuffer?)) {
        makeIterator = { AsyncIterator(next: makeNext()) }
    }

    package func makeAsyncIterator() -> AsyncIterator { makeIterator() }

    package struct AsyncIterator: AsyncIteratorProtocol {
        let nextChunk: () async throws -> ByteBuffer?

        init(next: @escaping () async throws -> ByteBuffer?) { nextChunk = next }

        package mutating func next() async throws -> ByteBuffer? { try await nextChunk() }
    }
}

/// A page of an upstream's tags.
package struct TagPage: Sendable, Hashable {
    /// As the upstream listed them; malformed ones left out.
    package var tags: [Tag]
    /// Whether the upstream announced more (a `Link` with `rel="next"`).
    package var hasMore: Bool

    package init(tags: [Tag], hasMore: Bool) {
        self.tags = tags
        self.hasMore = hasMore
    }
}

/// An upstream's list of referrers: an image index, as it came.
package struct ReceivedReferrers: Sendable, Hashable {
    package var bytes: ByteBuffer
    /// Whether the upstream itself filtered by artifact type (`OCI-Filters-Applied`).
    package var isFiltered: Bool
    /// Whether the upstream announced more (a `Link` with `rel="next"`).
    package var hasMore: Bool

    package init(bytes: ByteBuffer, isFiltered: Bool, hasMore: Bool) {
        self.bytes = bytes
        self.isFiltered = isFiltered
        self.hasMore = hasMore
    }
}
