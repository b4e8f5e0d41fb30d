package import BlobStore
import OCI
import Rules
import Timekeeping

/// The proof of ``RepositoryJournal``'s contract: each check runs on a journal of its own that is empty.
package enum RepositoryJournalConformance {
    package static let all: [RepositoryJournalCheck] = [
        RepositoryJournalCheck("what is recorded is listed, once") { journal in
            let (manifests, tags) = try hostileEntries()
            for _ in 0..<2 {
                for manifest in manifests { try await journal.record(manifest: manifest) }
                for tag in tags { try await journal.record(tag: tag) }
            }
            let entries = try await journal.entries()
            try expect(entries.manifests.count, is: manifests.count, "the number of manifests")
            try expect(Set(entries.manifests) == Set(manifests), "each manifest is listed as it was recorded")
            try expect(entries.tags.count, is: tags.count, "the number of tags")
            try expect(Set(entries.tags) == Set(tags), "each tag is listed as it was recorded")
        },
        RepositoryJournalCheck("a later record replaces an earlier one") { journal in
            let (manifests, tags) = try hostileEntries()
            try await journal.record(manifest: manifests[0])
            try await journal.record(tag: tags[0])
            let manifest = JournaledManifest(
                repository: manifests[0].repository, digest: manifests[0].digest, mediaType: .dockerManifest,
                fetchedAt: Timestamp(seconds: 5))
            let tag = JournaledTag(
                repository: tags[0].repository, tag: tags[0].tag, digest: Sample(seed: 9, count: 9).digest,
                checkedAt: Timestamp(milliseconds: 1))
            try await journal.record(manifest: manifest)
            try await journal.record(tag: tag)
            let entries = try await journal.entries()
            try expect(entries.manifests, is: [manifest], "the manifests")
            try expect(entries.tags, is: [tag], "the tags")
        },
        RepositoryJournalCheck("what is forgotten is gone, alone, and may be forgotten again") { journal in
            let (manifests, tags) = try hostileEntries()
            for manifest in manifests { try await journal.record(manifest: manifest) }
            for tag in tags { try await journal.record(tag: tag) }
            for _ in 0..<2 {
                try await journal.forget(manifest: manifests[0].digest, in: manifests[0].repository)
                try await journal.forget(tag: tags[0].tag, in: tags[0].repository)
            }
            let entries = try await journal.entries()
            try expect(Set(entries.manifests) == Set(manifests.dropFirst()), "the other manifests stay")
            try expect(Set(entries.tags) == Set(tags.dropFirst()), "the other tags stay")
            for manifest in manifests { try await journal.forget(manifest: manifest.digest, in: manifest.repository) }
            for tag in tags { try await journal.forget(tag: tag.tag, in: tag.repository) }
            let rest = try await journal.entries()
            try expect(rest.manifests.isEmpty && rest.tags.isEmpty, "nothing is left")
        },
        RepositoryJournalCheck("records and removals at once leave what was recorded last") { journal in
            let (manifests, _) = try hostileEntries()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for manifest in manifests {
                    for _ in 0..<8 {
                        group.addTask { try await journal.record(manifest: manifest) }
                        group.addTask {
                            try await journal.forget(manifest: manifest.digest, in: manifest.repository)
                        }
                    }
                }
                try await group.waitForAll()
            }
            for manifest in manifests { try await journal.record(manifest: manifest) }
            let entries = try await journal.entries()
            try expect(Set(entries.manifests) == Set(manifests), "each manifest is listed")
        },
    ]

    /// Entries whose names nest in each other, are as long as allowed, or look like something else.
    private static func hostileEntries() throws -> (manifests: [JournaledManifest], tags: [JournaledTag]) {
        let rules = [
            "hub", "ghcr.io", "team/hub", "team", "localhost:5000", "a:b/c.d_e-f",
            String(repeating: "r/", count: 31) + "rr",
        ]
        let names = [
            "a", "a/b", "a/b/c", "manifests", "tags", "library/nginx", "sha256",
            "sha256/\(String(repeating: "a", count: 64))",
            String(repeating: "n", count: 255), String(repeating: "x/", count: 127) + "y",
        ]
        let tags = [
            "latest", "_manifests", "_tags", "A", "a", "sha256-abc.sig", "v1..2", String(repeating: "t", count: 128),
        ]
        var journaledManifests: [JournaledManifest] = []
        var journaledTags: [JournaledTag] = []
        for (row, rule) in rules.enumerated() {
            for (column, name) in names.enumerated() {
                let repository = RepositoryKey(rule: try RuleName(rule), name: try RepositoryName(name))
                let seed = UInt64(row * names.count + column)
                let digest = Sample(seed: seed, count: 12, algorithm: column % 3 == 0 ? .sha512 : .sha256).digest
                journaledManifests.append(
                    JournaledManifest(
                        repository: repository, digest: digest, mediaType: column % 2 == 0 ? .ociIndex : .ociManifest,
                        fetchedAt: Timestamp(milliseconds: Int64(seed) * 1001 - 17)))
                journaledTags.append(
                    JournaledTag(
                        repository: repository, tag: try Tag(tags[(row + column) % tags.count]), digest: digest,
                        checkedAt: Timestamp(milliseconds: Int64(seed))))
            }
        }
        return (journaledManifests, journaledTags)
    }
}

/// One promise of the contract, and what shows it kept.
package struct RepositoryJournalCheck: Sendable, CustomStringConvertible {
    package let description: String
    /// - Throws: ``ConformanceFailure`` where the promise is broken, or what the journal throws.
    package let run: @Sendable (any RepositoryJournal) async throws -> Void

    init(_ description: String, _ run: @escaping @Sendable (any RepositoryJournal) async throws -> Void) {
        self.description = description
        self.run = run
    }
}
