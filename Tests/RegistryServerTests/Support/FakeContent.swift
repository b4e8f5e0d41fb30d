import BlobStore
import HTTPSemantics
import NIOCore
import OCI
import PullThroughCache
import Rules
import Synchronization

/// A content source that answers as a test says, and notes what it was asked.
final class FakeContent: ContentSource {
    struct Behaviour: Sendable {
        var manifestInMemory: @Sendable (ManifestRequest) -> ManifestAnswer? = { _ in nil }
        var manifest: @Sendable (ManifestRequest) async throws(CacheError) -> ManifestAnswer = {
            _ throws(CacheError) in throw .manifestUnknown
        }
        var blobInMemory: @Sendable (BlobRequest) -> BlobAnswer? = { _ in nil }
        var blob: @Sendable (BlobRequest) async throws(CacheError) -> BlobAnswer = {
            _ throws(CacheError) in throw .blobUnknown
        }
        var tags: @Sendable (TagsRequest) async throws(CacheError) -> TagsAnswer = {
            _ throws(CacheError) in throw .nameUnknown
        }
        var referrers: @Sendable (ReferrersRequest) async throws(CacheError) -> ReferrersAnswer = {
            _ throws(CacheError) in throw .nameUnknown
        }
        var repositories: [RepositoryKey] = []
    }

    struct Asked: Sendable {
        var manifests: [ManifestRequest] = []
        var blobs: [BlobRequest] = []
        var tags: [TagsRequest] = []
        var referrers: [ReferrersRequest] = []
    }

    private let behaviour: Behaviour
    private let notes = Mutex(Asked())

    init(_ change: (inout Behaviour) -> Void = { _ in }) {
        var behaviour = Behaviour()
        change(&behaviour)
        self.behaviour = behaviour
    }

    var asked: Asked { notes.withLock { $0 } }

    func manifestInMemory(_ request: ManifestRequest) -> ManifestAnswer? {
        notes.withLock { $0.manifests.append(request) }
        return behaviour.manifestInMemory(request)
    }

    func manifest(_ request: ManifestRequest) async throws(CacheError) -> ManifestAnswer {
        try await behaviour.manifest(request)
    }

    func blobInMemory(_ request: BlobRequest) -> BlobAnswer? {
        notes.withLock { $0.blobs.append(request) }
        return behaviour.blobInMemory(request)
    }

    func blob(_ request: BlobRequest) async throws(CacheError) -> BlobAnswer { try await behaviour.blob(request) }

    func tags(_ request: TagsRequest) async throws(CacheError) -> TagsAnswer {
        notes.withLock { $0.tags.append(request) }
        return try await behaviour.tags(request)
    }

    func referrers(_ request: ReferrersRequest) async throws(CacheError) -> ReferrersAnswer {
        notes.withLock { $0.referrers.append(request) }
        return try await behaviour.referrers(request)
    }

    func repositories(after last: RepositoryKey?, limit: Int) async throws(CacheError) -> [RepositoryKey] {
        Array(behaviour.repositories.sorted().drop { key in last.map { key <= $0 } ?? false }.prefix(limit))
    }
}

extension CacheStatus {
    static let hit = CacheStatus(isHit: true)
    static let filled = CacheStatus(isHit: false, forward: .uriMiss, isStored: true)
}
