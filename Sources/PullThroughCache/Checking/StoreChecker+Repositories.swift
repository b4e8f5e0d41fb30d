internal import BlobStore
internal import MetadataStore
internal import OCI
internal import Rules
internal import Timekeeping

extension StoreChecker {
    /// What the journal remembers of one repository.
    private struct Journaled {
        var manifests: [Digest: JournaledManifest] = [:]
        var tags: [Tag: JournaledTag] = [:]
    }

    /// Compares the catalogue's manifests and tags with their bytes and with the journal.
    func checkRepositories(_ run: inout CheckRun, _ progress: @Sendable (CheckProgress) -> Void) async throws {
        let entries = try await journal.entries()
        var journaled: [RepositoryKey: Journaled] = [:]
        for entry in entries.manifests {
            journaled[entry.repository, default: Journaled()].manifests[entry.digest] = entry
        }
        for entry in entries.tags { journaled[entry.repository, default: Journaled()].tags[entry.tag] = entry }

        var last: RepositoryKey?
        var completed = 0
        while true {
            let page = try await metadata.repositories(after: last, limit: Self.pageLength)
            for repository in page {
                var rest = journaled.removeValue(forKey: repository) ?? Journaled()
                let stored = try await checkManifests(of: repository, &rest, &run)
                try await checkTags(of: repository, stored, &rest, &run)
                try await restore(rest, &run)
                completed += 1
                progress(CheckProgress(phase: .repositories, completed: completed, total: nil))
            }
            if page.count < Self.pageLength { break }
            last = page.last
        }
        // Repositories of which the catalogue knows nothing.
        for rest in journaled.values { try await restore(rest, &run) }
        progress(CheckProgress(phase: .journal, completed: journaled.count, total: journaled.count))
    }

    /// Returns the manifests whose bytes are there; what the catalogue has leaves `journaled`.
    private func checkManifests(
        of repository: RepositoryKey, _ journaled: inout Journaled, _ run: inout CheckRun
    ) async throws -> Set<Digest> {
        var stored: Set<Digest> = []
        var last: Digest?
        while true {
            try Task.checkCancellation()
            let page = try await metadata.manifests(in: repository, after: last, limit: Self.pageLength)
            for manifest in page {
                run.report.addManifest()
                let digest = manifest.digest
                let entry = journaled.manifests.removeValue(forKey: digest)
                guard run.sound[digest] != nil else {
                    try await run.find(.manifestWithoutBytes(repository, digest)) {
                        try await metadata.removeManifest(digest, in: repository)
                        try await journal.forget(manifest: digest, in: repository)
                    }
                    continue
                }
                stored.insert(digest)
                guard entry == nil, let mediaType = manifest.mediaType else { continue }
                try await run.find(.manifestMissingInJournal(repository, digest)) {
                    try await journal.record(
                        manifest: JournaledManifest(
                            repository: repository, digest: digest, mediaType: mediaType,
                            fetchedAt: manifest.fetchedAt ?? clock.now()))
                }
            }
            if page.count < Self.pageLength { return stored }
            last = page.last?.digest
        }
    }

    private func checkTags(
        of repository: RepositoryKey, _ stored: Set<Digest>, _ journaled: inout Journaled, _ run: inout CheckRun
    ) async throws {
        var last: Tag?
        while true {
            try Task.checkCancellation()
            let page = try await metadata.tags(in: repository, after: last, limit: Self.pageLength)
            for tag in page {
                run.report.addTag()
                let entry = journaled.tags.removeValue(forKey: tag)
                guard let record = try await metadata.tag(tag, in: repository) else { continue }
                // A tag that was only asked about, with nothing stored, need not be remembered.
                guard stored.contains(record.digest), entry?.digest != record.digest else { continue }
                try await run.find(.tagMissingInJournal(repository, tag)) {
                    try await journal.record(
                        tag: JournaledTag(
                            repository: repository, tag: tag, digest: record.digest, checkedAt: record.checkedAt))
                }
            }
            if page.count < Self.pageLength { return }
            last = page.last
        }
    }

    /// What the journal has and the catalogue has not: given to the catalogue if the bytes are there, else forgotten.
    private func restore(_ journaled: Journaled, _ run: inout CheckRun) async throws {
        for entry in journaled.manifests.values {
            try Task.checkCancellation()
            guard run.sound[entry.digest] != nil else {
                try await run.find(.manifestWithoutBytes(entry.repository, entry.digest)) {
                    try await journal.forget(manifest: entry.digest, in: entry.repository)
                }
                continue
            }
            guard let manifest = try await ManifestBytes(blobs: blobs).read(entry) else {
                try await run.find(.unreadableManifest(entry.repository, entry.digest)) {
                    try await journal.forget(manifest: entry.digest, in: entry.repository)
                }
                continue
            }
            try await run.find(.manifestMissingInCatalogue(entry.repository, entry.digest)) {
                try await metadata.put(manifest.record, contents: manifest.contents)
            }
        }
        for entry in journaled.tags.values {
            try await run.find(.tagMissingInCatalogue(entry.repository, entry.tag)) {
                let manifest = try await metadata.manifest(entry.digest, in: entry.repository)
                guard let manifest, manifest.mediaType != nil else {
                    return try await journal.forget(tag: entry.tag, in: entry.repository)
                }
                try await metadata.put(
                    TagRecord(
                        repository: entry.repository, tag: entry.tag, digest: entry.digest,
                        mediaType: manifest.mediaType, size: manifest.size, checkedAt: entry.checkedAt))
            }
        }
    }
}
