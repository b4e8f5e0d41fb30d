package import Rules

/// Where a registry server gets its answers: ``PullThroughCache``, or what a test puts in its place.
package protocol ContentSource: Sendable {
    /// The answer, if it can be given at once from memory: never blocks, never suspends, asks nobody. Nil says
    /// nothing about what ``manifest(_:)`` would find.
    func manifestInMemory(_ request: ManifestRequest) -> ManifestAnswer?
    func manifest(_ request: ManifestRequest) async throws(CacheError) -> ManifestAnswer
    /// Like ``manifestInMemory(_:)``.
    func blobInMemory(_ request: BlobRequest) -> BlobAnswer?
    func blob(_ request: BlobRequest) async throws(CacheError) -> BlobAnswer
    func tags(_ request: TagsRequest) async throws(CacheError) -> TagsAnswer
    func referrers(_ request: ReferrersRequest) async throws(CacheError) -> ReferrersAnswer
    /// Repositories in ASCII order after `last`, at most `limit`.
    func repositories(after last: RepositoryKey?, limit: Int) async throws(CacheError) -> [RepositoryKey]
}
