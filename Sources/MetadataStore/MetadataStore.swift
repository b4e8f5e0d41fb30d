package import OCI
package import Quota
package import Rules
package import Timekeeping

/// The catalogue: what each repository is known to hold, how fresh it is, and when it was last pulled.
///
/// Says nothing of whether bytes are there; the ``BlobStore`` does, and a row without its blob is a miss. Every
/// conformer passes `MetadataStoreConformance`. Each function is one transaction; all may be called concurrently.
package protocol MetadataStore: SpendStore {
    // MARK: What pulls read and write

    /// What `tag` named when the upstream last said so.
    func tag(_ tag: Tag, in repository: RepositoryKey) async throws(MetadataStoreError) -> TagRecord?

    /// ``tag(_:in:)``, and ``manifest(_:in:)`` of what it named, in one go.
    func taggedManifest(_ tag: Tag, in repository: RepositoryKey) async throws(MetadataStoreError) -> TaggedManifest?

    /// Writes `record` in place of what the tag named before. Creates the repository where there is none.
    func put(_ record: TagRecord) async throws(MetadataStoreError)

    /// A manifest that `repository` is known to hold: one that was stored there, one that a tag of it names, or a
    /// child of an index of it. Only the first kind carries a media type, a size and when it was fetched.
    func manifest(_ digest: Digest, in repository: RepositoryKey) async throws(MetadataStoreError) -> ManifestRecord?

    /// Writes a manifest with everything it names. Idempotent. Creates the repository where there is none. Marks the
    /// manifest's own blob as stored.
    func put(_ manifest: ManifestRecord, contents: Manifest) async throws(MetadataStoreError)

    /// Whether `repository` is known to hold the blob, and with which size: through a manifest of it that names the
    /// blob, or because the upstream confirmed it.
    func membership(of blob: Digest, in repository: RepositoryKey) async throws(MetadataStoreError) -> BlobMembership?

    /// Records that the upstream confirmed `repository` to hold the blob. May be forgotten after 30 days.
    func confirm(blob: Digest, size: Int64, in repository: RepositoryKey, at moment: Timestamp)
        async throws(MetadataStoreError)

    /// Records that the blob store holds `blob`.
    func put(_ blob: BlobRecord) async throws(MetadataStoreError)

    /// Until when "no such manifest" is to be answered, if the upstream said so.
    func absence(of reference: ManifestReference, in repository: RepositoryKey)
        async throws(MetadataStoreError) -> Timestamp?

    /// Remembers until `expiry` that the upstream has no such manifest; nil forgets. Bounded: beyond a backend's limit
    /// those that end first go.
    func putAbsence(of reference: ManifestReference, in repository: RepositoryKey, until expiry: Timestamp?)
        async throws(MetadataStoreError)

    /// Adds pulls gathered in memory. Rows that are gone meanwhile are passed over. A child's pull counts as a pull
    /// of every index of its repository that names it.
    func record(pulls: [PullRecord]) async throws(MetadataStoreError)

    // MARK: Listings

    /// Tags known for `repository`, in ASCII order, those after `last`, at most `limit`.
    func tags(in repository: RepositoryKey, after last: Tag?, limit: Int) async throws(MetadataStoreError) -> [Tag]

    /// Repositories that hold at least one manifest or tag, in ASCII order of rule and name.
    func repositories(after last: RepositoryKey?, limit: Int) async throws(MetadataStoreError) -> [RepositoryKey]

    /// Manifests of `repository` whose subject is `subject`, as a list of referrers shows them, in order of digest.
    func referrers(of subject: Digest, in repository: RepositoryKey) async throws(MetadataStoreError) -> [Descriptor]

    func statistics() async throws(MetadataStoreError) -> CatalogueStatistics

    // MARK: Keeping within the disk

    /// Images of which anything is stored, those whose last pull is longest ago first. An image is a manifest that no
    /// index of its repository names, with its children. Pinned ones are marked, not left out.
    func images(limit: Int) async throws(MetadataStoreError) -> [ImageRecord]

    /// The same, those that were pulled last first.
    func recentImages(limit: Int) async throws(MetadataStoreError) -> [ImageRecord]

    /// The image that `reference` leads to, whether or not it is pinned, and whatever of it is stored. A child of an
    /// index counts as one here.
    func image(_ reference: ManifestReference, in repository: RepositoryKey)
        async throws(MetadataStoreError) -> ImageRecord?

    /// Removes an image: its manifest, its tags, and those children that no other index of the repository and no tag
    /// names. Returns the manifests that went. The blobs it named are only left unreferenced.
    func removeImage(_ digest: Digest, in repository: RepositoryKey) async throws(MetadataStoreError) -> [Digest]

    /// Stored blobs, last used longest ago first, that no manifest of any repository names, that are no manifest of
    /// any repository, and that were last used before `moment`.
    func unreferencedBlobs(usedBefore moment: Timestamp, limit: Int) async throws(MetadataStoreError) -> [BlobRecord]

    /// Whether nothing references a stored blob (manifests by ``unreferencedBlobs``'s rule); false where it has no row.
    func isUnreferenced(blob: Digest) async throws(MetadataStoreError) -> Bool

    /// Removes the row of a stored blob, provided that nothing references it (manifests by ``unreferencedBlobs``'s
    /// rule); returns whether it did. The caller has removed the
    /// bytes: a row without bytes is a miss, and bytes without a row nobody would ever remove.
    func removeUnreferenced(blob: Digest) async throws(MetadataStoreError) -> Bool

    /// Removes the row of a stored blob whose bytes were found missing, whatever references it.
    func forget(blob: Digest) async throws(MetadataStoreError)

    /// Pins or unpins what `reference` leads to; pins outlive eviction and hold for images not cached yet.
    func setPin(_ isPinned: Bool, on reference: ManifestReference, in repository: RepositoryKey)
        async throws(MetadataStoreError)

    func pins() async throws(MetadataStoreError) -> [PinRecord]

    /// Keeps what each of `references` leads to until `expiry`, for `holder`; in place of a lease that it already has.
    /// Like pins, leases hold for images that are not cached yet. One transaction: callers give some thousands at most.
    func putLeases(_ references: [PinRecord], holder: String, until expiry: Timestamp)
        async throws(MetadataStoreError)

    /// Removes leases that end before `moment`: `holder`'s, or everybody's.
    func removeLeases(of holder: String?, endingBefore moment: Timestamp) async throws(MetadataStoreError)

    /// Leases in order of repository, reference and holder; of one repository, or of all. Those that have ended count
    /// until they are removed.
    func leases(in repository: RepositoryKey?) async throws(MetadataStoreError) -> [LeaseRecord]

    // MARK: Quotas

    /// What was last known of each rule's accounts and addresses.
    func quotas() async throws(MetadataStoreError) -> [RuleName: [QuotaRecord]]

    /// Writes `quotas` in place of what was known of their pairs, and forgets every pair that was last heard of before
    /// `oldest`.
    func put(quotas: [RuleName: [QuotaRecord]], forgettingBefore oldest: Timestamp) async throws(MetadataStoreError)

    // MARK: Checking

    /// Every stored blob's row after `last`, in order of digest, at most `limit`.
    func blobs(after last: Digest?, limit: Int) async throws(MetadataStoreError) -> [BlobRecord]

    /// Every manifest stored in `repository` after `last`, in order of digest, at most `limit`.
    func manifests(in repository: RepositoryKey, after last: Digest?, limit: Int)
        async throws(MetadataStoreError) -> [ManifestRecord]

    /// Manifests whose own blob is not recorded as stored.
    func manifestsWithoutBlob(limit: Int) async throws(MetadataStoreError) -> [(RepositoryKey, Digest)]

    /// Removes a manifest's row, its edges and the tags that name it.
    func removeManifest(_ digest: Digest, in repository: RepositoryKey) async throws(MetadataStoreError)

    /// Checks the database's own structure; returns what is wrong with it, in words. Empty when sound.
    func integrityProblems() async throws(MetadataStoreError) -> [String]
}

extension MetadataStore {
    package func taggedManifest(
        _ tag: Tag, in repository: RepositoryKey
    ) async throws(MetadataStoreError) -> TaggedManifest? {
        guard let record = try await self.tag(tag, in: repository) else { return nil }
        return TaggedManifest(tag: record, manifest: try await manifest(record.digest, in: repository))
    }
}
