package import BlobStore
package import Logging
package import MetadataStore
package import OCI
package import Rules
package import Timekeeping
package import Upstream

/// Serves content from the store where it is known and fresh, and fills the store from the upstream where it is not.
///
/// Runs as a service: fills, revalidations behind a client's back, and collection belong to it and not to the client
/// that caused them.
package final class PullThroughCache: ContentSource {
    package init(
        configuration: Configuration, upstreams: [RuleName: any UpstreamRegistry], blobs: any BlobStore,
        journal: any RepositoryJournal, metadata: any MetadataStore, clock: any WallClock, logger: Logger
    ) { fatalError() }

    /// Owns every task of the cache; returns after a graceful shutdown, once running fills ended or were given up.
    package func run() async throws {}

    /// Puts other upstreams in place; requests under way end with those that they began with.
    package func replace(upstreams: [RuleName: any UpstreamRegistry]) {}

    // MARK: Pulls

    package func manifestInMemory(_ request: ManifestRequest) -> ManifestAnswer? { nil }
    package func manifest(_ request: ManifestRequest) async throws(CacheError) -> ManifestAnswer { fatalError() }
    package func blobInMemory(_ request: BlobRequest) -> BlobAnswer? { nil }
    package func blob(_ request: BlobRequest) async throws(CacheError) -> BlobAnswer { fatalError() }
    package func tags(_ request: TagsRequest) async throws(CacheError) -> TagsAnswer { fatalError() }
    package func referrers(_ request: ReferrersRequest) async throws(CacheError) -> ReferrersAnswer { fatalError() }
    package func repositories(
        after last: RepositoryKey?, limit: Int
    ) async throws(CacheError) -> [RepositoryKey] { fatalError() }

    // MARK: Management

    package func explain(
        _ reference: ManifestReference, in repository: RepositoryKey, rule: Rule
    ) async throws(CacheError) -> Explanation { fatalError() }
    /// Evicts until the store is below its low watermark if it is above the high one, and removes what nothing
    /// references.
    package func collect(isDryRun: Bool) async throws(CacheError) -> CollectionReport { fatalError() }
    /// Evicts one image now, whatever its age and even if pinned; nil where it is not cached.
    package func evict(
        _ reference: ManifestReference, in repository: RepositoryKey, isDryRun: Bool
    ) async throws(CacheError) -> CollectionReport? { fatalError() }
    package func setPin(
        _ isPinned: Bool, on reference: ManifestReference, in repository: RepositoryKey
    ) async throws(CacheError) { fatalError() }
    package func pins() async throws(CacheError) -> [PinRecord] { fatalError() }
    package func report() async throws(CacheError) -> CacheReport { fatalError() }
}
