import BlobStore
import Foundation
import Logging
import MetadataStore
import OCI
import PullThroughCache
import Rules
import SQLiteMetadataStore
import Testing
import Timekeeping

@Suite struct `Rebuilding the catalogue` {
    private func withEmptyCatalogue(
        beside store: CheckedStore, _ body: (any MetadataStore) async throws -> Void
    ) async throws {
        let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let catalogue = try await SQLiteMetadataStore.open(path: store.path + "/rebuilt.db", logger: quiet)
        try await body(catalogue)
        try await catalogue.close()
    }

    @Test func `brings back all that was stored, from the store alone`() async throws {
        try await CheckedStore.with { store async throws in
            let content = try await store.fill()
            let lost = store.metadata
            try await withEmptyCatalogue(beside: store) { rebuilt async throws in
                let report = try await store.checker.rebuild(into: rebuilt)
                var expected = RebuildReport()
                (expected.blobs, expected.manifests, expected.tags) = (11, 4, 3)
                #expect(report == expected)

                #expect(try await rebuilt.statistics() == lost.statistics())
                #expect(try await Set(rebuilt.images(limit: 9)) == Set(lost.images(limit: 9)))
                #expect(
                    try await rebuilt.repositories(after: nil, limit: 9) == lost.repositories(after: nil, limit: 9))
                for repository in [content.a, content.b] {
                    let tags = try await lost.tags(in: repository, after: nil, limit: 9)
                    #expect(try await rebuilt.tags(in: repository, after: nil, limit: 9) == tags)
                    for tag in tags {
                        #expect(try await rebuilt.tag(tag, in: repository) == lost.tag(tag, in: repository))
                    }
                    #expect(
                        try await rebuilt.manifests(in: repository, after: nil, limit: 9)
                            == lost.manifests(in: repository, after: nil, limit: 9))
                    for blob in try await store.blobs.blobs() {
                        #expect(
                            try await rebuilt.membership(of: blob.digest, in: repository)
                                == lost.membership(of: blob.digest, in: repository))
                    }
                }
                #expect(try await rebuilt.integrityProblems() == [])
                let checker = StoreChecker(
                    blobs: store.blobs, journal: store.journal, metadata: rebuilt, clock: store.clock)
                #expect(try await checker.check(repairs: false).isSound)
            }
        }
    }

    @Test func `counts what is lost, and goes on`() async throws {
        try await CheckedStore.with { store async throws in
            let content = try await store.fill()
            try await store.blobs.remove(content.image)
            let none = try await store.store(Array("no manifest".utf8))
            try await store.journal.record(
                manifest: JournaledManifest(
                    repository: content.a, digest: none, mediaType: .ociManifest, fetchedAt: store.clock.now()))
            try await withEmptyCatalogue(beside: store) { rebuilt async throws in
                let report = try await store.checker.rebuild(into: rebuilt)
                #expect(report.lostManifests == 2)
                #expect(report.danglingTags == 1)
                #expect(report.manifests == 3)
                #expect(try await rebuilt.tag(.latest, in: content.b)?.digest == content.image)
                #expect(try await rebuilt.manifest(content.image, in: content.b)?.mediaType == nil)
            }
        }
    }

    @Test func `gives a private layer to no other repository than before`() async throws {
        try await CheckedStore.with { store async throws in
            let content = try await store.fill()
            try await withEmptyCatalogue(beside: store) { rebuilt async throws in
                _ = try await store.checker.rebuild(into: rebuilt)
                let layer = DigestHasher.digest(of: "layer of alone".utf8)
                #expect(try await rebuilt.membership(of: layer, in: content.b) != nil)
                #expect(try await rebuilt.membership(of: layer, in: content.a) == nil)
            }
        }
    }
}
