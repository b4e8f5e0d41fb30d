internal import MetadataStore
internal import OCI
internal import Rules
internal import Timekeeping

/// What the catalogue knows and what was asked of it lately, so that a hit reads no database; and what could not be
/// written down yet. Every part is bounded.
struct CatalogueMemory: Sendable {
    var tags = RecencyCache<TagKey, KnownTag>(costLimit: 8192)
    var manifests: RecencyCache<ContentKey, CachedManifest>
    /// Sizes of blobs that a repository is known to hold.
    var memberships = RecencyCache<ContentKey, Int64>(costLimit: 32_768)
    var absences = RecencyCache<ReferenceKey, Timestamp>(costLimit: 4096)
    /// Tags that a HEAD resolved to a manifest which is not stored yet.
    var unstoredTags = RecencyCache<ContentKey, [TagRecord]>(costLimit: 4096)

    init(manifestLimitBytes: Int) {
        manifests = RecencyCache(costLimit: manifestLimitBytes)
    }

    /// Forgets everything about an image that was removed.
    mutating func forget(_ repository: RepositoryKey, digests: [Digest], tags removedTags: [Tag], blobs: [Digest]) {
        for digest in digests + blobs {
            let key = ContentKey(repository: repository, digest: digest)
            manifests.removeValue(for: key)
            memberships.removeValue(for: key)
            unstoredTags.removeValue(for: key)
        }
        for tag in removedTags { tags.removeValue(for: TagKey(repository: repository, tag: tag)) }
    }
}

/// What the upstream last said of a tag; and the tag's class, which is asked for with every pull and took about a ninth
/// of an answer from memory to find out each time.
struct KnownTag: Sendable, Hashable {
    let record: TagRecord
    let tagClass: TagClass

    init(_ record: TagRecord) {
        self.record = record
        tagClass = TagClass(record.tag)
    }
}
