package import MetadataStore
package import OCI
package import Quota
package import Rules
package import Timekeeping

extension SQLiteMetadataStore: MetadataStore {
    // MARK: What pulls read and write

    package func tag(_ tag: Tag, in repository: RepositoryKey) async throws(MetadataStoreError) -> TagRecord? {
        try await read { try $0.tag(tag, in: repository) }
    }

    package func taggedManifest(
        _ tag: Tag, in repository: RepositoryKey
    ) async throws(MetadataStoreError) -> TaggedManifest? {
        try await read { catalogue in
            guard let record = try catalogue.tag(tag, in: repository) else { return nil }
            return TaggedManifest(tag: record, manifest: try catalogue.manifest(record.digest, in: repository))
        }
    }

    package func put(_ record: TagRecord) async throws(MetadataStoreError) {
        try await write { try $0.put(record) }
    }

    package func manifest(
        _ digest: Digest, in repository: RepositoryKey
    ) async throws(MetadataStoreError) -> ManifestRecord? {
        try await read { try $0.manifest(digest, in: repository) }
    }

    package func put(_ manifest: ManifestRecord, contents: Manifest) async throws(MetadataStoreError) {
        try await write { try $0.put(manifest, contents: contents) }
    }

    package func membership(
        of blob: Digest, in repository: RepositoryKey
    ) async throws(MetadataStoreError) -> BlobMembership? {
        try await read { try $0.membership(of: blob, in: repository) }
    }

    package func confirm(
        blob: Digest, size: Int64, in repository: RepositoryKey, at moment: Timestamp
    ) async throws(MetadataStoreError) {
        try await write { try $0.confirm(blob: blob, size: size, in: repository, at: moment) }
    }

    package func put(_ blob: BlobRecord) async throws(MetadataStoreError) {
        try await write { try $0.put(blob) }
    }

    package func absence(
        of reference: ManifestReference, in repository: RepositoryKey
    ) async throws(MetadataStoreError) -> Timestamp? {
        try await read { try $0.absence(of: reference, in: repository) }
    }

    package func putAbsence(
        of reference: ManifestReference, in repository: RepositoryKey, until expiry: Timestamp?
    ) async throws(MetadataStoreError) {
        try await write { [absenceLimit] in
            try $0.putAbsence(of: reference, in: repository, until: expiry, limit: absenceLimit)
        }
    }

    package func record(pulls: [PullRecord]) async throws(MetadataStoreError) {
        if pulls.isEmpty { return }
        try await write { catalogue in
            for pull in pulls { try catalogue.record(pull) }
        }
    }

    // MARK: Listings

    package func tags(
        in repository: RepositoryKey, after last: Tag?, limit: Int
    ) async throws(MetadataStoreError) -> [Tag] {
        try await read { try $0.tags(in: repository, after: last, limit: limit) }
    }

    package func repositories(
        after last: RepositoryKey?, limit: Int
    ) async throws(MetadataStoreError) -> [RepositoryKey] {
        try await read { try $0.repositories(after: last, limit: limit) }
    }

    package func referrers(
        of subject: Digest, in repository: RepositoryKey
    ) async throws(MetadataStoreError) -> [Descriptor] {
        try await read { try $0.referrers(of: subject, in: repository) }
    }

    package func statistics() async throws(MetadataStoreError) -> CatalogueStatistics {
        try await read { try $0.statistics() }
    }

    // MARK: Keeping within the disk

    package func images(limit: Int) async throws(MetadataStoreError) -> [ImageRecord] {
        try await read { try $0.images(limit: limit) }
    }

    package func recentImages(limit: Int) async throws(MetadataStoreError) -> [ImageRecord] {
        try await read { try $0.images(limit: limit, isNewestFirst: true) }
    }

    package func image(
        _ reference: ManifestReference, in repository: RepositoryKey
    ) async throws(MetadataStoreError) -> ImageRecord? {
        try await read { try $0.image(reference, in: repository) }
    }

    package func removeImage(
        _ digest: Digest, in repository: RepositoryKey
    ) async throws(MetadataStoreError) -> [Digest] {
        try await write { try $0.removeImage(digest, in: repository) }
    }

    package func unreferencedBlobs(
        usedBefore moment: Timestamp, limit: Int
    ) async throws(MetadataStoreError) -> [BlobRecord] {
        try await read { try $0.unreferencedBlobs(usedBefore: moment.milliseconds, limit: limit) }
    }

    package func isUnreferenced(blob: Digest) async throws(MetadataStoreError) -> Bool {
        try await read { try $0.isUnreferenced(blob: blob) }
    }

    package func removeUnreferenced(blob: Digest) async throws(MetadataStoreError) -> Bool {
        try await write { try $0.removeUnreferenced(blob: blob) }
    }

    package func forget(blob: Digest) async throws(MetadataStoreError) {
        try await write { try $0.forget(blob: blob) }
    }

    package func setPin(
        _ isPinned: Bool, on reference: ManifestReference, in repository: RepositoryKey
    ) async throws(MetadataStoreError) {
        try await write { try $0.setPin(isPinned, on: reference, in: repository) }
    }

    package func pins() async throws(MetadataStoreError) -> [PinRecord] { try await read { try $0.pins() } }

    package func putLeases(
        _ references: [PinRecord], holder: String, until expiry: Timestamp
    ) async throws(MetadataStoreError) {
        if references.isEmpty { return }
        try await write { try $0.putLeases(references, holder: holder, until: expiry) }
    }

    package func removeLeases(
        of holder: String?, endingBefore moment: Timestamp
    ) async throws(MetadataStoreError) {
        try await write { try $0.removeLeases(of: holder, endingBefore: moment) }
    }

    package func leases(in repository: RepositoryKey?) async throws(MetadataStoreError) -> [LeaseRecord] {
        try await read { try $0.leases(in: repository) }
    }

    // MARK: Quotas

    package func quotas() async throws(MetadataStoreError) -> [RuleName: [QuotaRecord]] {
        try await read { try $0.quotas() }
    }

    package func put(
        quotas: [RuleName: [QuotaRecord]], forgettingBefore oldest: Timestamp
    ) async throws(MetadataStoreError) {
        try await write { try $0.put(quotas, forgettingBefore: oldest) }
    }

    // MARK: Checking

    package func blobs(after last: Digest?, limit: Int) async throws(MetadataStoreError) -> [BlobRecord] {
        try await read { try $0.blobs(after: last, limit: limit) }
    }

    package func manifests(
        in repository: RepositoryKey, after last: Digest?, limit: Int
    ) async throws(MetadataStoreError) -> [ManifestRecord] {
        try await read { try $0.manifests(in: repository, after: last, limit: limit) }
    }

    package func manifestsWithoutBlob(limit: Int) async throws(MetadataStoreError) -> [(RepositoryKey, Digest)] {
        try await read { try $0.manifestsWithoutBlob(limit: limit) }
    }

    package func removeManifest(_ digest: Digest, in repository: RepositoryKey) async throws(MetadataStoreError) {
        try await write { try $0.removeManifest(digest, in: repository) }
    }

    package func integrityProblems() async throws(MetadataStoreError) -> [String] {
        try await read { try $0.integrityProblems() }
    }
}
