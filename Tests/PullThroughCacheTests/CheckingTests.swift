import BlobStore
import Foundation
import MetadataStore
import OCI
import PullThroughCache
import Rules
import Synchronization
import Testing
import Timekeeping

@Suite struct `Checking the store` {
    @Test func `finds nothing in a sound one, and counts what it read`() async throws {
        try await CheckedStore.with { store async throws in
            _ = try await store.fill()
            let seen = Mutex<[CheckProgress]>([])
            let report = try await store.checker.check(repairs: true) { progress in
                seen.withLock { $0.append(progress) }
            }
            #expect(report.isSound)
            #expect(!report.needsAttention)
            #expect(report.findings == [])
            #expect(report.repairedCount == 0)
            // Four manifests, and of three images a configuration, a layer, and the layer that they share.
            #expect(report.blobCount == 11)
            #expect(report.byteCount == (try await store.metadata.statistics().storedBytes))
            #expect(report.manifestCount == 4)
            #expect(report.tagCount == 3)
            let last = seen.withLock { $0.last { $0.phase == .blobs } }
            #expect(last == CheckProgress(phase: .blobs, completed: 11, total: 11))
        }
    }

    @Test func `finds nothing in an empty one`() async throws {
        try await CheckedStore.with { store async throws in
            #expect(try await store.checker.check(repairs: true) == CheckReport())
        }
    }

    /// Checks three times: without repairs, which changes nothing; with them; and once more, when all must be well.
    private func expect(
        _ findings: Set<CheckFinding>, in store: CheckedStore, sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        for repairs in [false, true] {
            let report = try await store.checker.check(repairs: repairs)
            #expect(Set(report.findings) == findings, sourceLocation: sourceLocation)
            #expect(report.findingCount == findings.count, sourceLocation: sourceLocation)
            #expect(report.repairedCount == (repairs ? findings.count : 0), sourceLocation: sourceLocation)
            #expect(report.needsAttention == !repairs, sourceLocation: sourceLocation)
            #expect(report.repairFailure == nil, sourceLocation: sourceLocation)
        }
        let report = try await store.checker.check(repairs: false)
        #expect(report.isSound, "\(report.findings)", sourceLocation: sourceLocation)
    }

    @Test func `finds an altered layer, removes it, and leaves the image to be filled anew`() async throws {
        try await CheckedStore.with { store async throws in
            let content = try await store.fill()
            let layer = DigestHasher.digest(of: "layer of arm".utf8)
            let altered = Array("layer of leg".utf8)
            try FileManager.default.removeItem(atPath: store.file(of: layer))
            #expect(FileManager.default.createFile(atPath: store.file(of: layer), contents: Data(altered)))
            try await expect([.alteredBlob(layer, actual: DigestHasher.digest(of: altered))], in: store)
            #expect(try await store.blobs.open(layer) == nil)
            #expect(try await store.metadata.membership(of: layer, in: content.a) != nil)
            #expect(try await store.metadata.images(limit: 9).count == 2)
        }
    }

    @Test func `finds an altered manifest, and forgets it with its tags`() async throws {
        try await CheckedStore.with { store async throws in
            let content = try await store.fill()
            try FileManager.default.removeItem(atPath: store.file(of: content.image))
            #expect(FileManager.default.createFile(atPath: store.file(of: content.image), contents: Data("{}".utf8)))
            try await expect(
                [
                    .alteredBlob(content.image, actual: DigestHasher.digest(of: "{}".utf8)),
                    .manifestWithoutBytes(content.b, content.image),
                    .tagMissingInCatalogue(content.b, .latest),
                ], onlyWithRepairs: [.tagMissingInCatalogue(content.b, .latest)], in: store)
            #expect(try await store.metadata.manifest(content.image, in: content.b) == nil)
            #expect(try await store.metadata.tag(.latest, in: content.b) == nil)
            #expect(try await store.journal.entries().tags.allSatisfy { $0.repository == content.a })
        }
    }

    /// Like the other, where a repair brings further findings in the same check.
    private func expect(
        _ findings: Set<CheckFinding>, onlyWithRepairs: Set<CheckFinding>, in store: CheckedStore,
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        let before = try await store.checker.check(repairs: false)
        #expect(Set(before.findings) == findings.subtracting(onlyWithRepairs), sourceLocation: sourceLocation)
        let repaired = try await store.checker.check(repairs: true)
        #expect(Set(repaired.findings) == findings, sourceLocation: sourceLocation)
        #expect(!repaired.needsAttention, sourceLocation: sourceLocation)
        let report = try await store.checker.check(repairs: false)
        #expect(report.isSound, "\(report.findings)", sourceLocation: sourceLocation)
    }

    @Test func `finds rows without a file`() async throws {
        try await CheckedStore.with { store async throws in
            _ = try await store.fill()
            let layer = DigestHasher.digest(of: "shared layer".utf8)
            try FileManager.default.removeItem(atPath: store.file(of: layer))
            try await expect([.rowWithoutFile(layer)], in: store)
            #expect(try await store.metadata.statistics().blobs == 10)
        }
    }

    @Test func `finds files without a row, and rows of a wrong size`() async throws {
        try await CheckedStore.with { store async throws in
            _ = try await store.fill()
            let stray = try await store.store(Array("stray".utf8), withRow: false)
            let layer = DigestHasher.digest(of: "shared layer".utf8)
            let now = store.clock.now()
            try await store.metadata.put(BlobRecord(digest: layer, size: 99, storedAt: now, usedAt: now))
            store.clock.advance(by: .seconds(60))
            try await expect(
                [.fileWithoutRow(stray, size: 5), .wrongSize(layer, recorded: 99, actual: 12)], in: store)
            let later = now + .seconds(61)
            let unreferenced = try await store.metadata.unreferencedBlobs(usedBefore: later, limit: 9)
            #expect(unreferenced.map(\.digest) == [stray])
            #expect(unreferenced.map(\.size) == [5])
        }
    }

    @Test func `finds manifests and tags that only the catalogue has`() async throws {
        try await CheckedStore.with { store async throws in
            let content = try await store.fill()
            try await store.journal.forget(manifest: content.index, in: content.a)
            try await store.journal.forget(tag: .latest, in: content.a)
            try await store.journal.record(
                tag: JournaledTag(
                    repository: content.b, tag: .latest, digest: content.index, checkedAt: store.clock.now()))
            try await expect(
                [
                    .manifestMissingInJournal(content.a, content.index), .tagMissingInJournal(content.a, .latest),
                    .tagMissingInJournal(content.b, .latest),
                ], in: store)
            let entries = try await store.journal.entries()
            #expect(entries.manifests.contains { $0.digest == content.index && $0.mediaType == .ociIndex })
            #expect(entries.tags.contains { $0.repository == content.b && $0.digest == content.image })
        }
    }

    @Test func `finds manifests and tags that only the journal has, and gives them back`() async throws {
        try await CheckedStore.with { store async throws in
            let content = try await store.fill()
            let lost = try await store.metadata.image(.tag(.latest), in: content.b)
            _ = try await store.metadata.removeImage(content.image, in: content.b)
            try await expect(
                [
                    .manifestMissingInCatalogue(content.b, content.image), .tagMissingInCatalogue(content.b, .latest),
                ], in: store)
            #expect(try await store.metadata.image(.tag(.latest), in: content.b) == lost)
        }
    }

    @Test func `forgets what the journal calls a manifest and is not there, or is none`() async throws {
        try await CheckedStore.with { store async throws in
            let content = try await store.fill()
            let none = try await store.store(Array("no manifest".utf8))
            let gone = DigestHasher.digest(of: "never stored".utf8)
            for digest in [none, gone] {
                try await store.journal.record(
                    manifest: JournaledManifest(
                        repository: content.a, digest: digest, mediaType: .ociManifest, fetchedAt: store.clock.now()))
            }
            try await store.journal.record(
                tag: JournaledTag(
                    repository: content.a, tag: try Tag("gone"), digest: gone, checkedAt: store.clock.now()))
            try await expect(
                [
                    .unreadableManifest(content.a, none), .manifestWithoutBytes(content.a, gone),
                    .tagMissingInCatalogue(content.a, try Tag("gone")),
                ], in: store)
            #expect(try await store.journal.entries().manifests.count == 4)
            #expect(try await store.journal.entries().tags.count == 3)
        }
    }

    @Test func `leaves alone a tag that was only asked about`() async throws {
        try await CheckedStore.with { store async throws in
            let content = try await store.fill()
            try await store.metadata.put(
                TagRecord(
                    repository: content.a, tag: try Tag("asked"), digest: DigestHasher.digest(of: "elsewhere".utf8),
                    mediaType: .ociIndex, size: 5, checkedAt: store.clock.now()))
            #expect(try await store.checker.check(repairs: false).isSound)
        }
    }

    @Test func `counts every finding and lists so many`() async throws {
        try await CheckedStore.with { store async throws in
            let now = store.clock.now()
            for number in 0..<(CheckReport.findingLimit + 5) {
                let digest = DigestHasher.digest(of: "missing \(number)".utf8)
                try await store.metadata.put(BlobRecord(digest: digest, size: 1, storedAt: now, usedAt: now))
            }
            let report = try await store.checker.check(repairs: false)
            #expect(report.findings.count == CheckReport.findingLimit)
            #expect(report.counts == [.rowWithoutFile: CheckReport.findingLimit + 5])
            #expect(try await store.checker.check(repairs: true).repairedCount == CheckReport.findingLimit + 5)
            #expect(try await store.checker.check(repairs: true).isSound)
        }
    }

    @Test func `ends when its task is cancelled`() async throws {
        try await CheckedStore.with { store async throws in
            _ = try await store.fill()
            let check = Task { [checker = store.checker] in
                try await checker.check(repairs: false) { progress in
                    if progress.phase == .blobs { withUnsafeCurrentTask { $0?.cancel() } }
                }
            }
            await #expect(throws: CancellationError.self) { try await check.value }
        }
    }
}
