package import OCI
package import Rules
package import Timekeeping

/// Remembers, beside the blobs, which repository holds which manifest under which tags, so that a catalogue that was
/// lost can be rebuilt without asking any upstream. Never read on the way of a pull.
package protocol RepositoryJournal: Sendable {
    /// Records that `repository` holds `manifest`. Idempotent.
    func record(manifest: JournaledManifest) async throws(BlobStoreError)
    /// Records that `tag` names `digest`. Idempotent; replaces what it named before.
    func record(tag: JournaledTag) async throws(BlobStoreError)
    /// Forgets a manifest. Without effect where it is not recorded.
    func forget(manifest digest: Digest, in repository: RepositoryKey) async throws(BlobStoreError)
    /// Forgets a tag. Without effect where it is not recorded.
    func forget(tag: Tag, in repository: RepositoryKey) async throws(BlobStoreError)
    /// Everything recorded; entries that cannot be read are left out.
    func entries() async throws(BlobStoreError) -> (manifests: [JournaledManifest], tags: [JournaledTag])
}

/// A manifest's place in a repository.
package struct JournaledManifest: Sendable, Hashable {
    package let repository: RepositoryKey
    package let digest: Digest
    package let mediaType: MediaType
    package let fetchedAt: Timestamp

    package init(repository: RepositoryKey, digest: Digest, mediaType: MediaType, fetchedAt: Timestamp) {
        self.repository = repository
        self.digest = digest
        self.mediaType = mediaType
        self.fetchedAt = fetchedAt
    }
}

/// What a tag named, and when the upstream last said so.
package struct JournaledTag: Sendable, Hashable {
    package let repository: RepositoryKey
    package let tag: Tag
    package let digest: Digest
    package let checkedAt: Timestamp

    package init(repository: RepositoryKey, tag: Tag, digest: Digest, checkedAt: Timestamp) {
        self.repository = repository
        self.tag = tag
        self.digest = digest
        self.checkedAt = checkedAt
    }
}
