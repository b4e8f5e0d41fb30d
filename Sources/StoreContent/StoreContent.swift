package import BlobStore
package import MetadataStore
package import NodeContent
package import OCI
internal import Rules
internal import Synchronization

/// What Weir's own store holds of images, as a node shares it. Nothing is fetched for it.
///
/// A blob is given out only where a repository that is shared holds it: one that lies beside it for a private repository is
/// not there for peers. What came in since the last ``images()`` is not there yet either.
package final class StoreContent: NodeContent {
    package struct Limits: Sendable, Hashable {
        /// Images that are listed, those that were pulled last.
        package var images = 20_000
        /// Tags and digests together. Peers keep no more records than these of one node.
        package var keys = 50_000

        package init() {}
    }

    private let blobs: any BlobStore
    private let metadata: any MetadataStore
    private let repositories: @Sendable () -> SharedRepositories
    private let bell: ChangeBell
    private let limits: Limits
    /// Nil until the first ``images()``.
    private let shared = Mutex<Set<Digest>?>(nil)

    /// - Parameters:
    ///   - repositories: asked for every request, so that a reload takes effect at once.
    ///   - bell: rung whenever the store's content changes.
    package init(
        blobs: any BlobStore, metadata: any MetadataStore, bell: ChangeBell, limits: Limits = Limits(),
        repositories: @escaping @Sendable () -> SharedRepositories
    ) {
        self.blobs = blobs
        self.metadata = metadata
        self.bell = bell
        self.limits = limits
        self.repositories = repositories
    }

    package func digest(
        of tag: Tag, in repository: RepositoryName, of registry: RegistryHost
    ) async throws(NodeContentError) -> Digest? {
        guard let key = repositories().key(repository, of: registry) else { return nil }
        do throws(MetadataStoreError) {
            return try await metadata.tag(tag, in: key)?.digest
        } catch {
            throw .unavailable("the catalogue: \(error)")
        }
    }

    package func open(_ digest: Digest) async throws(NodeContentError) -> (any BlobReader)? {
        // A node answers before it has told what it has: who asks so early has it listed.
        if shared.withLock({ $0 == nil }) { _ = try await images() }
        guard shared.withLock({ $0?.contains(digest) == true }) else { return nil }
        do throws(BlobStoreError) {
            return try await blobs.open(digest)
        } catch {
            throw .unreadable("\(error)")
        }
    }

    package func images() async throws(NodeContentError) -> [NodeImage] {
        let records: [ImageRecord]
        do throws(MetadataStoreError) {
            records = try await metadata.recentImages(limit: limits.images)
        } catch {
            throw .unavailable("the catalogue: \(error)")
        }
        let repositories = repositories()
        var list: [NodeImage] = []
        var digests: Set<Digest> = []
        var tagCount = 0
        for record in records {
            guard let name = repositories.name(of: record.repository) else { continue }
            let fresh = record.stored.keys.count { !digests.contains($0) }
            // An image is shared whole or not at all.
            guard digests.count + tagCount + fresh + record.tags.count <= limits.keys else { break }
            digests.formUnion(record.stored.keys)
            // A tag of which the manifest is gone names nothing here.
            let tags: [Tag?] = record.stored[record.digest] == nil || record.tags.isEmpty ? [nil] : record.tags
            tagCount += tags.count
            let stored = Array(record.stored.keys)
            list += tags.map { tag in
                NodeImage(registry: name.registry, repository: name.repository, tag: tag, digests: stored)
            }
        }
        shared.withLock { [digests] in $0 = digests }
        return list
    }

    package func follow(_ changed: @escaping @Sendable () -> Void) async throws(NodeContentError) {
        await bell.listen(changed)
    }
}
