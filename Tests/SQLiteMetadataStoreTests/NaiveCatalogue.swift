import MetadataStore
import OCI
import Quota
import Rules
import Synchronization
import Timekeeping

/// The contract in as few words as possible: everything in lists, every answer counted anew from them.
final class NaiveCatalogue: MetadataStore {
    struct StoredManifest {
        var record: ManifestRecord
        var contents: Manifest
        var usedAt: Timestamp
        var pullCount = 0
    }

    struct State {
        var tags: [TagRecord] = []
        var manifests: [StoredManifest] = []
        var blobs: [BlobRecord] = []
        var confirmations: [RepositoryKey: [Digest: Int64]] = [:]
        var absences: [PinRecord: Timestamp] = [:]
        var pins: Set<PinRecord> = []
        var spend: [SpendRecord] = []
        var leases: [PinRecord: [String: Timestamp]] = [:]
        var quotas: [RuleName: [QuotaRecord]] = [:]
    }

    private let state = Mutex(State())

    func with<Value: Sendable>(_ body: (inout State) -> sending Value) -> Value {
        state.withLock { (state) -> Value in body(&state) }
    }

    func tag(_ tag: Tag, in repository: RepositoryKey) async throws(MetadataStoreError) -> TagRecord? {
        with { $0.tags.first { $0.repository == repository && $0.tag == tag } }
    }

    func put(_ record: TagRecord) async throws(MetadataStoreError) {
        with {
            $0.tags.removeAll { $0.repository == record.repository && $0.tag == record.tag }
            $0.tags.append(record)
        }
    }

    func manifest(
        _ digest: Digest, in repository: RepositoryKey
    ) async throws(MetadataStoreError) -> ManifestRecord? {
        with { state in
            if let manifest = state.manifest(digest, in: repository) { return manifest.record }
            let isNamed =
                state.tags.contains { $0.repository == repository && $0.digest == digest }
                || !state.parents(of: digest, in: repository).isEmpty
            return isNamed
                ? ManifestRecord(repository: repository, digest: digest, mediaType: nil, size: nil, fetchedAt: nil)
                : nil
        }
    }

    func put(_ record: ManifestRecord, contents: Manifest) async throws(MetadataStoreError) {
        with { state in
            let moment = record.fetchedAt ?? Timestamp(milliseconds: 0)
            let before = state.manifest(record.digest, in: record.repository)
            state.manifests.removeAll { $0.record.digest == record.digest && $0.record.repository == record.repository }
            let children = contents.manifests.compactMap {
                state.manifest($0.digest, in: record.repository)?.usedAt
            }
            let usedAt = ([moment, before?.usedAt] + children).compactMap(\.self).max() ?? moment
            state.manifests.append(
                StoredManifest(
                    record: record, contents: contents, usedAt: usedAt, pullCount: before?.pullCount ?? 0))
            state.use(record.digest, in: record.repository, at: usedAt, count: 0)
            if let size = record.size {
                state.put(BlobRecord(digest: record.digest, size: size, storedAt: moment, usedAt: moment))
            }
        }
    }

    func membership(
        of blob: Digest, in repository: RepositoryKey
    ) async throws(MetadataStoreError) -> BlobMembership? {
        with { state in
            let named = state.manifests.filter { $0.record.repository == repository }
                .flatMap(\.contents.blobs).first { $0.digest == blob }
            let confirmed = state.confirmations[repository]?[blob]
            guard let size = confirmed ?? named?.size else { return nil }
            let stored = state.blobs.first { $0.digest == blob }?.size
            return BlobMembership(size: stored ?? size, mediaType: named?.mediaType)
        }
    }

    func confirm(
        blob: Digest, size: Int64, in repository: RepositoryKey, at moment: Timestamp
    ) async throws(MetadataStoreError) {
        with { $0.confirmations[repository, default: [:]][blob] = size }
    }

    func put(_ blob: BlobRecord) async throws(MetadataStoreError) { with { $0.put(blob) } }

    func absence(
        of reference: ManifestReference, in repository: RepositoryKey
    ) async throws(MetadataStoreError) -> Timestamp? {
        with { $0.absences[PinRecord(repository: repository, reference: reference)] }
    }

    func putAbsence(
        of reference: ManifestReference, in repository: RepositoryKey, until expiry: Timestamp?
    ) async throws(MetadataStoreError) {
        with { $0.absences[PinRecord(repository: repository, reference: reference)] = expiry }
    }

    func record(pulls: [PullRecord]) async throws(MetadataStoreError) {
        with { state in
            for pull in pulls {
                if pull.content == .manifest {
                    state.use(pull.digest, in: pull.repository, at: pull.lastPulledAt, count: pull.count)
                }
                for index in state.blobs.indices where state.blobs[index].digest == pull.digest {
                    state.blobs[index].usedAt = max(state.blobs[index].usedAt, pull.lastPulledAt)
                }
            }
        }
    }

    // MARK: Listings

    func tags(
        in repository: RepositoryKey, after last: Tag?, limit: Int
    ) async throws(MetadataStoreError) -> [Tag] {
        with { state in
            page(state.tags.filter { $0.repository == repository }.map(\.tag).sorted(), after: last, limit)
        }
    }

    func repositories(
        after last: RepositoryKey?, limit: Int
    ) async throws(MetadataStoreError) -> [RepositoryKey] {
        with { page($0.repositories.sorted(), after: last, limit) }
    }

    func referrers(
        of subject: Digest, in repository: RepositoryKey
    ) async throws(MetadataStoreError) -> [Descriptor] {
        with { state in
            state.manifests
                .filter { $0.record.repository == repository && $0.contents.subject?.digest == subject }
                .map { $0.contents.referrerDescriptor(digest: $0.record.digest, size: $0.record.size ?? 0) }
                .sorted { $0.digest < $1.digest }
        }
    }

    func statistics() async throws(MetadataStoreError) -> CatalogueStatistics {
        with { state in
            CatalogueStatistics(
                repositories: state.repositories.count, tags: state.tags.count, manifests: state.manifests.count,
                blobs: state.blobs.count, storedBytes: state.blobs.reduce(0) { $0 + $1.size })
        }
    }

    // MARK: Keeping within the disk

    func images(limit: Int) async throws(MetadataStoreError) -> [ImageRecord] {
        with { state in
            let images = state.manifests
                .filter { state.parents(of: $0.record.digest, in: $0.record.repository).isEmpty }
                .map { state.image($0) }
                .filter { !$0.stored.isEmpty }
                .sorted {
                    ($0.lastPulledAt, $0.repository, $0.digest) < ($1.lastPulledAt, $1.repository, $1.digest)
                }
            return Array(images.prefix(limit))
        }
    }

    func recentImages(limit: Int) async throws(MetadataStoreError) -> [ImageRecord] {
        Array(try await images(limit: .max).reversed().prefix(limit))
    }

    func image(
        _ reference: ManifestReference, in repository: RepositoryKey
    ) async throws(MetadataStoreError) -> ImageRecord? {
        with { state in
            state.digest(of: reference, in: repository).flatMap { state.manifest($0, in: repository) }
                .map { state.image($0) }
        }
    }

    func removeImage(
        _ digest: Digest, in repository: RepositoryKey
    ) async throws(MetadataStoreError) -> [Digest] {
        with { $0.removeImage(digest, in: repository) }
    }

    func unreferencedBlobs(
        usedBefore moment: Timestamp, limit: Int
    ) async throws(MetadataStoreError) -> [BlobRecord] {
        with { state in
            let found = state.blobs.filter { $0.usedAt < moment && !state.isReferenced($0.digest) }
            return Array(found.sorted { ($0.usedAt, $0.digest) < ($1.usedAt, $1.digest) }.prefix(limit))
        }
    }

    func isUnreferenced(blob: Digest) async throws(MetadataStoreError) -> Bool {
        with { state in state.blobs.contains { $0.digest == blob } && !state.isReferenced(blob) }
    }

    func removeUnreferenced(blob: Digest) async throws(MetadataStoreError) -> Bool {
        with { state in
            guard state.blobs.contains(where: { $0.digest == blob }), !state.isReferenced(blob) else { return false }
            state.blobs.removeAll { $0.digest == blob }
            return true
        }
    }

    func forget(blob: Digest) async throws(MetadataStoreError) {
        with { $0.blobs.removeAll { $0.digest == blob } }
    }

    func setPin(
        _ isPinned: Bool, on reference: ManifestReference, in repository: RepositoryKey
    ) async throws(MetadataStoreError) {
        let pin = PinRecord(repository: repository, reference: reference)
        with { state in
            if isPinned { state.pins.insert(pin) } else { state.pins.remove(pin) }
        }
    }

    func pins() async throws(MetadataStoreError) -> [PinRecord] {
        with { $0.pins.sorted { ($0.repository, "\($0.reference)") < ($1.repository, "\($1.reference)") } }
    }

    func putLeases(
        _ references: [PinRecord], holder: String, until expiry: Timestamp
    ) async throws(MetadataStoreError) {
        with { state in
            for lease in references { state.leases[lease, default: [:]][holder] = expiry }
        }
    }

    func removeLeases(
        of holder: String?, endingBefore moment: Timestamp
    ) async throws(MetadataStoreError) {
        with { state in
            for lease in state.leases.keys {
                state.leases[lease] = state.leases[lease]?.filter { entry in
                    entry.value >= moment || holder.map { $0 != entry.key } ?? false
                }
                if state.leases[lease]?.isEmpty == true { state.leases[lease] = nil }
            }
        }
    }

    func leases(in repository: RepositoryKey?) async throws(MetadataStoreError) -> [LeaseRecord] {
        with { state in
            state.leases.flatMap { lease, holders in
                holders.map {
                    LeaseRecord(
                        repository: lease.repository, reference: lease.reference, holder: $0.key, expiresAt: $0.value)
                }
            }.filter { lease in repository.map { $0 == lease.repository } ?? true }
        }
    }

    // MARK: Checking

    func blobs(after last: Digest?, limit: Int) async throws(MetadataStoreError) -> [BlobRecord] {
        with { state in
            let sorted = state.blobs.sorted { $0.digest < $1.digest }
            return Array(sorted.filter { blob in last.map { $0 < blob.digest } ?? true }.prefix(limit))
        }
    }

    func manifests(
        in repository: RepositoryKey, after last: Digest?, limit: Int
    ) async throws(MetadataStoreError) -> [ManifestRecord] {
        with { state in
            let sorted = state.manifests.map(\.record).filter { $0.repository == repository }
                .sorted { $0.digest < $1.digest }
            return Array(sorted.filter { record in last.map { $0 < record.digest } ?? true }.prefix(limit))
        }
    }

    func manifestsWithoutBlob(limit: Int) async throws(MetadataStoreError) -> [(RepositoryKey, Digest)] {
        with { state in
            state.manifests.map(\.record).filter { record in !state.blobs.contains { $0.digest == record.digest } }
                .prefix(limit).map { ($0.repository, $0.digest) }
        }
    }

    func removeManifest(_ digest: Digest, in repository: RepositoryKey) async throws(MetadataStoreError) {
        with { state in
            state.manifests.removeAll { $0.record.digest == digest && $0.record.repository == repository }
            state.tags.removeAll { $0.digest == digest && $0.repository == repository }
        }
    }

    func quotas() async throws(MetadataStoreError) -> [RuleName: [QuotaRecord]] { with { $0.quotas } }

    func put(
        quotas: [RuleName: [QuotaRecord]], forgettingBefore oldest: Timestamp
    ) async throws(MetadataStoreError) {
        with { state in
            for (rule, records) in quotas {
                let pairs = Set(records.map(\.pair))
                state.quotas[rule] = (state.quotas[rule] ?? []).filter { !pairs.contains($0.pair) } + records
            }
            state.quotas = state.quotas.compactMapValues { records in
                let kept = records.filter { $0.observedAt >= oldest }
                return kept.isEmpty ? nil : kept
            }
        }
    }

    func integrityProblems() async throws(MetadataStoreError) -> [String] { [] }
}

private func page<Element: Comparable>(_ sorted: [Element], after last: Element?, _ limit: Int) -> [Element] {
    Array(sorted.filter { element in last.map { $0 < element } ?? true }.prefix(limit))
}
