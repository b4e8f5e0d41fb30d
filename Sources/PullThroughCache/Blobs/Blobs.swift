internal import BlobStore
internal import Concurrency
internal import HTTPSemantics
internal import MetadataStore
internal import OCI
internal import Rules
internal import Timekeeping
internal import Upstream

/// Answers for blobs: from the store, or through a fill.
///
/// A blob is served in a repository only if that repository is known to hold it: because a manifest of it names the
/// blob, or because the upstream said so (docs/decisions/0001-namespace.md).
struct Blobs: Sendable {
    let catalogue: Catalogue
    let store: any BlobStore
    let fills: Fills
    let upstreams: UpstreamDirectory
    let ledger: PullLedger
    let fetchAhead: FetchAhead
    let metrics: CacheMetrics
    let clock: any WallClock
    private let confirmations: SingleFlight<ContentKey, Int64?>

    init(
        catalogue: Catalogue, store: any BlobStore, fills: Fills, upstreams: UpstreamDirectory, ledger: PullLedger,
        fetchAhead: FetchAhead, metrics: CacheMetrics, clock: any WallClock, work: BackgroundWork
    ) {
        self.catalogue = catalogue
        self.store = store
        self.fills = fills
        self.upstreams = upstreams
        self.ledger = ledger
        self.fetchAhead = fetchAhead
        self.metrics = metrics
        self.clock = clock
        confirmations = SingleFlight(work: work)
    }

    /// A hit whose file is open and untouched, for a repository that is known to hold it. Does not block.
    func inMemory(_ request: BlobRequest) -> BlobAnswer? {
        guard let size = catalogue.membershipInMemory(of: request.digest, in: request.repository),
            let reader = store.openAtHand(request.digest), reader.size == size
        else { return nil }
        guard request.isHead else {
            fetchAhead.noteUse(of: request.digest)
            return hit(reader, request)
        }
        metrics.count(.blob, .hit)
        return BlobAnswer(digest: request.digest, size: size, content: nil, status: CacheStatus(isHit: true))
    }

    func answer(_ request: BlobRequest) async throws -> BlobAnswer {
        do {
            return request.isHead ? try await head(request) : try await get(request)
        } catch {
            let error = CacheError(error)
            let isUnknown = error == .upstream(.notFound)
            metrics.count(.blob, isUnknown ? .negative : .error)
            throw isUnknown ? CacheError.blobUnknown : error
        }
    }

    private func get(_ request: BlobRequest) async throws -> BlobAnswer {
        fetchAhead.noteUse(of: request.digest)
        if let size = try await catalogue.membership(of: request.digest, in: request.repository) {
            if let reader = try await open(request.digest, size: size) { return hit(reader, request) }
            return try await fill(request, expectedSize: size, isConfirmed: true)
        }
        if let fill = fills.current(of: request.digest, by: request.rule.name),
            fill.repository == request.repository
        {
            // Its outcome is this repository's own answer.
            return try await self.fill(request, expectedSize: nil, isConfirmed: false)
        }
        // Where the bytes are here already, or coming by way of another repository, a HEAD is all that is missing;
        // otherwise the transfer itself is the proof.
        let isAtHand: Bool
        if fills.current(of: request.digest, by: request.rule.name) != nil {
            isAtHand = true
        } else {
            isAtHand = try await store.open(request.digest) != nil
        }
        guard isAtHand else { return try await fill(request, expectedSize: nil, isConfirmed: false) }
        let size = try await confirm(request).size
        if let reader = try await open(request.digest, size: size) {
            return hit(reader, request, status: CacheStatus(isHit: false, forward: .miss))
        }
        return try await fill(request, expectedSize: size, isConfirmed: true)
    }

    private func head(_ request: BlobRequest) async throws -> BlobAnswer {
        if let size = try await catalogue.membership(of: request.digest, in: request.repository),
            try await open(request.digest, size: size) != nil
        {
            metrics.count(.blob, .hit)
            return BlobAnswer(digest: request.digest, size: size, content: nil, status: CacheStatus(isHit: true))
        }
        let (size, isCollapsed) = try await confirm(request)
        metrics.count(.blob, isCollapsed ? .collapsed : .miss)
        return BlobAnswer(
            digest: request.digest, size: size, content: nil,
            status: CacheStatus(isHit: false, forward: .uriMiss, isCollapsed: isCollapsed))
    }

    /// Has the upstream confirm that the repository holds the blob; returns the size where it said it.
    private func confirm(_ request: BlobRequest) async throws -> (size: Int64?, isCollapsed: Bool) {
        let upstream = try upstreams.upstream(of: request.rule.name)
        let key = ContentKey(repository: request.repository, digest: request.digest)
        let (size, isCollapsed) = try await confirmations.value(for: key) {
            let size = try await upstream.ask { try await $0.blobSize(request.digest, in: request.repository.name) }
            if let size { catalogue.confirm(request.digest, size: size, in: request.repository, at: clock.now()) }
            return size
        }
        return (size, isCollapsed)
    }

    /// The blob from the store; nil where it is not there, or not as large as the repository knows it.
    private func open(_ digest: Digest, size: Int64?) async throws -> (any BlobReader)? {
        guard let reader = try await store.open(digest) else { return nil }
        if let size, reader.size != size {
            // The digest was verified, so it is the manifest that lies about the size.
            throw CacheError.sizeMismatch(expected: size, actual: reader.size)
        }
        return reader
    }

    private func hit(
        _ reader: any BlobReader, _ request: BlobRequest, status: CacheStatus = CacheStatus(isHit: true)
    ) -> BlobAnswer {
        metrics.count(.blob, .hit)
        ledger.record(request.digest, in: request.repository, as: .blob)
        return BlobAnswer(
            digest: request.digest, size: reader.size, content: CompleteBlob(reader: reader, size: reader.size),
            status: status)
    }

    /// - Parameter isConfirmed: the repository is known to hold the blob. Otherwise only its own upstream's answer
    ///   proves it: by this transfer, or by a HEAD where another repository's transfer is joined.
    private func fill(_ request: BlobRequest, expectedSize: Int64?, isConfirmed: Bool) async throws -> BlobAnswer {
        let source = Fills.Source(
            upstream: try upstreams.upstream(of: request.rule.name), repository: request.repository,
            expectedSize: expectedSize)
        var (reader, isCollapsed) = try await fills.join(request.digest, from: source)
        if isCollapsed, reader.repository != request.repository {
            let confirmed = isConfirmed ? expectedSize : try await confirm(request).size
            if let size = try? await reader.size(), confirmed == nil || size == confirmed {
                return answer(request, reader, size: size, isCollapsed: true)
            }
            try Task.checkCancellation()
            // The other repository's transfer failed, or is not of what this one knows: that is no answer to this one.
            (reader, isCollapsed) = try await fills.join(request.digest, from: source, isOwn: true)
        }
        return answer(request, reader, size: try await reader.size(), isCollapsed: isCollapsed)
    }

    private func answer(
        _ request: BlobRequest, _ reader: FillReader, size: Int64?, isCollapsed: Bool
    ) -> BlobAnswer {
        metrics.count(.blob, isCollapsed ? .collapsed : .miss)
        ledger.record(request.digest, in: request.repository, as: .blob)
        return BlobAnswer(
            digest: request.digest, size: size, content: reader,
            status: CacheStatus(isHit: false, forward: .uriMiss, isStored: !isCollapsed, isCollapsed: isCollapsed))
    }
}
