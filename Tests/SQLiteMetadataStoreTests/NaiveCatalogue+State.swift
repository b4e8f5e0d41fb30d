import MetadataStore
import OCI
import Rules
import Timekeeping

extension NaiveCatalogue.State {
    var repositories: Set<RepositoryKey> { Set(tags.map(\.repository) + manifests.map(\.record.repository)) }

    func manifest(_ digest: Digest, in repository: RepositoryKey) -> NaiveCatalogue.StoredManifest? {
        manifests.first { $0.record.digest == digest && $0.record.repository == repository }
    }

    func parents(of digest: Digest, in repository: RepositoryKey) -> [Digest] {
        manifests.filter { manifest in
            manifest.record.repository == repository && manifest.contents.manifests.contains { $0.digest == digest }
        }.map(\.record.digest)
    }

    func digest(of reference: ManifestReference, in repository: RepositoryKey) -> Digest? {
        switch reference {
        case .digest(let digest): digest
        case .tag(let tag): tags.first { $0.repository == repository && $0.tag == tag }?.digest
        }
    }

    func isReferenced(_ blob: Digest) -> Bool {
        manifests.contains { manifest in
            manifest.record.digest == blob
                || (manifest.contents.blobs + manifest.contents.manifests).contains { $0.digest == blob }
        }
    }

    mutating func put(_ blob: BlobRecord) {
        var blob = blob
        if let before = blobs.first(where: { $0.digest == blob.digest }) {
            blob.usedAt = max(blob.usedAt, before.usedAt)
        }
        blobs.removeAll { $0.digest == blob.digest }
        blobs.append(blob)
    }

    mutating func use(_ digest: Digest, in repository: RepositoryKey, at moment: Timestamp, count: Int) {
        var above: Set<Digest> = []
        var waiting = [digest]
        while let next = waiting.popLast() {
            if above.insert(next).inserted { waiting += parents(of: next, in: repository) }
        }
        for index in manifests.indices
        where manifests[index].record.repository == repository && above.contains(manifests[index].record.digest) {
            manifests[index].usedAt = max(manifests[index].usedAt, moment)
            manifests[index].pullCount += count
        }
    }

    func image(_ root: NaiveCatalogue.StoredManifest) -> ImageRecord {
        let repository = root.record.repository
        var named: Set<Digest> = []
        var members: Set<Digest> = []
        var waiting = [root.record.digest]
        while let next = waiting.popLast() {
            guard members.insert(next).inserted else { continue }
            guard let manifest = manifest(next, in: repository) else { continue }
            named.formUnion(manifest.contents.blobs.map(\.digest))
            waiting += manifest.contents.manifests.map(\.digest)
        }
        let stored = blobs.filter { named.union(members).contains($0.digest) }
        return ImageRecord(
            repository: repository, digest: root.record.digest,
            tags: tags.filter { $0.repository == repository && $0.digest == root.record.digest }.map(\.tag).sorted(),
            mediaType: root.record.mediaType, lastPulledAt: root.usedAt, pullCount: root.pullCount,
            isPinned: pins.contains { pin in
                pin.repository == repository && digest(of: pin.reference, in: repository).map(members.contains) == true
            },
            isLeased: leases.keys.contains { lease in
                lease.repository == repository
                    && digest(of: lease.reference, in: repository).map(members.contains) == true
            },
            stored: Dictionary(uniqueKeysWithValues: stored.map { ($0.digest, $0.size) }))
    }

    mutating func removeImage(_ digest: Digest, in repository: RepositoryKey) -> [Digest] {
        tags.removeAll { $0.digest == digest && $0.repository == repository }
        guard let manifest = manifest(digest, in: repository) else { return [] }
        manifests.removeAll { $0.record.digest == digest && $0.record.repository == repository }
        var removed = [digest]
        for child in manifest.contents.manifests.map(\.digest)
        where parents(of: child, in: repository).isEmpty
            && !tags.contains(where: { $0.repository == repository && $0.digest == child })
        {
            removed += removeImage(child, in: repository)
        }
        return removed
    }
}
