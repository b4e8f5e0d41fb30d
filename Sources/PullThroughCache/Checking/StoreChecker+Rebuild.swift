internal import BlobStore
package import MetadataStore
internal import OCI
internal import Rules
internal import Timekeeping

/// What a rebuild put into the catalogue.
package struct RebuildReport: Sendable, Hashable {
    package var blobs = 0
    package var manifests = 0
    package var tags = 0
    /// Manifests of the journal whose bytes are not there or are none; they are fetched anew when pulled.
    package var lostManifests = 0
    /// Tags that name a manifest whose bytes are not there. They are remembered all the same.
    package var danglingTags = 0

    package init() {}
}

extension StoreChecker {
    /// Fills `catalogue`, which is empty, from the journal and from the manifests' own bytes; asks no upstream.
    ///
    /// What neither of them holds is lost: pins, pulls and their times (a manifest counts as used when it was fetched,
    /// other blobs now), absences, and confirmations, which are asked for again. Blobs are taken as they are listed;
    /// ``check(repairs:progress:)`` reads them.
    package func rebuild(
        into catalogue: any MetadataStore, progress: @Sendable (CheckProgress) -> Void = { _ in }
    ) async throws -> RebuildReport {
        var report = RebuildReport()
        let stored = try await blobs.blobs()
        let now = clock.now()
        for blob in stored {
            try Task.checkCancellation()
            try await catalogue.put(BlobRecord(digest: blob.digest, size: blob.size, storedAt: now, usedAt: now))
            report.blobs += 1
            progress(CheckProgress(phase: .blobs, completed: report.blobs, total: stored.count))
        }
        let entries = try await journal.entries()
        let total = entries.manifests.count + entries.tags.count
        for (position, entry) in entries.manifests.enumerated() {
            try Task.checkCancellation()
            if let manifest = try await ManifestBytes(blobs: blobs).read(entry) {
                try await catalogue.put(manifest.record, contents: manifest.contents)
                report.manifests += 1
            } else {
                report.lostManifests += 1
            }
            progress(CheckProgress(phase: .journal, completed: position + 1, total: total))
        }
        for (position, entry) in entries.tags.enumerated() {
            try Task.checkCancellation()
            let manifest = try await catalogue.manifest(entry.digest, in: entry.repository)
            if manifest?.mediaType == nil { report.danglingTags += 1 }
            try await catalogue.put(
                TagRecord(
                    repository: entry.repository, tag: entry.tag, digest: entry.digest,
                    mediaType: manifest?.mediaType, size: manifest?.size, checkedAt: entry.checkedAt))
            report.tags += 1
            progress(CheckProgress(phase: .journal, completed: entries.manifests.count + position + 1, total: total))
        }
        return report
    }
}
