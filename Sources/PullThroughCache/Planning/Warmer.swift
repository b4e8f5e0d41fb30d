internal import BlobStore
internal import HTTPSemantics
internal import MetadataStore
internal import NIOCore
internal import OCI
internal import Rules
internal import Synchronization

/// Pulls an image into the cache as a client would, on Weir's own account.
///
/// What is here is not fetched again, and a blob's transfer belongs to the cache; so to break off and to begin anew
/// costs nothing.
struct Warmer: Sendable {
    /// Blobs of one image at one time.
    private static let blobConcurrency = 4

    let manifests: Manifests
    let blobs: Blobs

    /// - Parameter report: called whenever something changed, many times a second.
    func warm(
        _ reference: ManifestReference, in repository: RepositoryKey, rule: Rule, platforms: PlatformSelection,
        report: @escaping @Sendable (WarmingProgress) -> Void
    ) async throws -> Digest {
        let state = WarmingState(report)
        let target = Target(rule: rule, repository: repository, state: state)
        let top = try await manifest(reference, target)
        var children: [Fetched] = []
        if !top.contents.manifests.isEmpty {
            let absent = platforms.absent(from: top.contents)
            guard absent.isEmpty else { throw WarmingError.platformsAbsent(absent) }
            for child in platforms.children(of: top.contents) {
                children.append(try await manifest(.digest(child.digest), target))
            }
        }
        let images = top.contents.manifests.isEmpty ? [top] : children
        let wanted = Self.blobs(of: images.map(\.contents))
        state.update { progress in
            progress.totalBytes = wanted.reduce(0) { $0 + $1.size }
            progress.blobCount = wanted.count
        }
        try await fetch(wanted, target)
        // Manifests are written behind the answer.
        await manifests.catalogue.writer.flush()
        for manifest in [top] + children { try await checkKept(manifest.digest, bytes: manifest.size) }
        return top.digest
    }

    private struct Target: Sendable {
        var rule: Rule
        var repository: RepositoryKey
        var state: WarmingState
    }

    private struct Fetched {
        var digest: Digest
        var size: Int64
        var contents: Manifest
    }

    private func manifest(_ reference: ManifestReference, _ target: Target) async throws -> Fetched {
        let request = ManifestRequest(
            rule: target.rule, repository: target.repository, reference: reference, client: .weir(.warm))
        let answer: ManifestAnswer
        if let known = manifests.inMemory(request) {
            answer = known
        } else {
            answer = try await manifests.answer(request)
        }
        if answer.status.isStored { target.state.update { $0.pulls += 1 } }
        guard let bytes = answer.bytes else { throw CacheError.manifestUnknown }
        return Fetched(
            digest: answer.digest, size: Int64(bytes.readableBytes),
            contents: try Manifest(
                parsing: bytes.readableBytesView, declared: answer.mediaType, digest: answer.digest))
    }

    /// Each once, the smallest first. What may be had elsewhere, or must not be passed on, is no client's wish either.
    private static func blobs(of images: [Manifest]) -> [Descriptor] {
        var seen: Set<Digest> = []
        return images.flatMap(\.blobs)
            .filter { !$0.hasOtherSources && !$0.mediaType.isNonDistributable && seen.insert($0.digest).inserted }
            .sorted { $0.size < $1.size }
    }

    private func fetch(_ wanted: [Descriptor], _ target: Target) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for (index, blob) in wanted.enumerated() {
                if index >= Self.blobConcurrency { try await group.next() }
                group.addTask { try await fetch(blob, target) }
            }
            try await group.waitForAll()
        }
    }

    /// Follows the blob to its end without reading it.
    private func fetch(_ blob: Descriptor, _ target: Target) async throws {
        let answer = try await blobs.answer(
            BlobRequest(
                rule: target.rule, repository: target.repository, digest: blob.digest, client: .weir(.warm)))
        let isFetched = !answer.status.isHit
        if let content = answer.content {
            var offset: Int64 = 0
            while let piece = try await content.piece(at: offset, limit: .max) {
                let end: Int64 =
                    switch piece {
                    case .stored(_, let range): range.upperBound
                    case .bytes(let bytes): offset + Int64(bytes.readableBytes)
                    }
                guard end > offset else { break }
                let count = end - offset
                offset = end
                target.state.update { progress in
                    progress.presentBytes += count
                    if isFetched { progress.fetchedBytes += count }
                }
            }
        }
        try await (answer.content as? FillReader)?.waitUntilSettled()
        try await checkKept(blob.digest, bytes: blob.size)
        target.state.update { $0.presentBlobCount += 1 }
    }

    /// What a client would have got, and the store did not take, is not in the cache.
    private func checkKept(_ digest: Digest, bytes: Int64) async throws {
        guard try await blobs.store.open(digest) != nil else { throw WarmingError.notKept(digest, bytes: bytes) }
    }
}

/// The progress that several transfers change.
private final class WarmingState: Sendable {
    private let progress = Mutex(WarmingProgress())
    private let report: @Sendable (WarmingProgress) -> Void

    init(_ report: @escaping @Sendable (WarmingProgress) -> Void) { self.report = report }

    func update(_ change: (inout WarmingProgress) -> Void) {
        report(
            progress.withLock { progress in
                change(&progress)
                return progress
            })
    }
}
