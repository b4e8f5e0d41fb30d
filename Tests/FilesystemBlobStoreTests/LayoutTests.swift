import BlobStore
import BlobStoreConformance
import FilesystemBlobStore
import Foundation
import NIOCore
import OCI
import Rules
import Testing
import Timekeeping

@Suite struct `The store's files` {
    @Test func `a blob lies under its digest, cannot be written by its mode, and nothing else is left`() async throws {
        try await withStore { store, path in
            let sample = Sample(seed: 1, count: 5000)
            try await store.store(sample)
            let found = try #require(status(of: file(of: sample.digest, in: path)))
            #expect(found.st_size == 5000)
            #expect(found.st_mode & 0o777 == 0o444)
            #expect(names(in: path + "/ingest").isEmpty)
            #expect(Set(names(in: path)) == ["blobs", "ingest", "lock", "repositories", "version"])
        }
    }

    @Test func `the time of a blob's file follows from what it is, and lies in the past`() async throws {
        let sample = Sample(seed: 2, count: 5000)
        var times: Set<Int> = []
        for _ in 0..<2 {
            try await withStore { store, path in
                try await store.store(sample)
                let found = try #require(status(of: file(of: sample.digest, in: path)))
                #expect(found.st_mtim.tv_nsec == 0)
                times.insert(found.st_mtim.tv_sec)
            }
        }
        #expect(times.count == 1)
        #expect(times.allSatisfy { (978_307_200..<1_515_200_000).contains($0) && $0.isMultiple(of: 2) })
    }

    @Test func `an ingest that is dropped leaves no file`() async throws {
        try await withStore(threadCount: 1) { store, path in
            let sample = Sample(seed: 3, count: 5000)
            var ingest: (any BlobIngest)? = try await store.beginIngest(of: sample.digest, expectedSize: nil)
            try await ingest?.append(sample.bytes)
            #expect(names(in: path + "/ingest").count == 1)
            let reader = ingest?.reader
            ingest = nil
            // On its one writing thread the store does this after what the drop has left to do.
            try await store.remove(sample.digest)
            #expect(names(in: path + "/ingest").isEmpty)
            #expect(try await reader?.content() == sample.bytes)
        }
    }

    @Test func `an ingest that was given up or refused leaves no file`() async throws {
        try await withStore(threadCount: 1) { store, path in
            let sample = Sample(seed: 4, count: 5000)
            let abandoned = try await store.beginIngest(of: sample.digest, expectedSize: nil)
            await abandoned.abandon()
            #expect(names(in: path + "/ingest").isEmpty)
            do {
                let refused = try await store.beginIngest(of: sample.digest, expectedSize: nil)
                await #expect(throws: BlobStoreError.self) { try await refused.commit() }
            }
            try await store.remove(sample.digest)
            #expect(names(in: path + "/ingest").isEmpty)
        }
    }

    @Test func `room is set aside for a blob of known size`() async throws {
        try await withStore { store, path in
            let sample = Sample(seed: 5, count: 1)
            let ingest = try await store.beginIngest(of: sample.digest, expectedSize: 4 << 20)
            let name = try #require(names(in: path + "/ingest").first)
            let found = try #require(status(of: "\(path)/ingest/\(name)"))
            #expect(found.st_size == 0)
            #expect(Int64(found.st_blocks) * 512 >= 4 << 20)
            await ingest.abandon()
        }
    }

    @Test func `folders that somebody removed are created again`() async throws {
        try await withStore { store, path in
            let sample = Sample(seed: 6, count: 500)
            try await store.store(sample)
            for name in ["ingest", "blobs", "repositories"] {
                try FileManager.default.removeItem(atPath: "\(path)/\(name)")
            }
            #expect(try await store.open(sample.digest) == nil)
            #expect(try await store.blobs().isEmpty)
            try await store.store(sample)
            #expect(try await store.content(of: sample.digest) == sample.bytes)
        }
    }

    @Test func `what is no blob's file is not listed`() async throws {
        try await withStore { store, path in
            let sample = Sample(seed: 7, count: 500)
            try await store.store(sample)
            let folder = "\(path)/blobs/sha256/\(sample.digest.hex.prefix(2))"
            for name in ["README", "\(sample.digest.hex.prefix(2))", String(repeating: "0", count: 63) + "G"] {
                #expect(FileManager.default.createFile(atPath: "\(folder)/\(name)", contents: Data()))
            }
            #expect(FileManager.default.createFile(atPath: "\(path)/blobs/sha256/zz", contents: Data()))
            #expect(FileManager.default.createFile(atPath: "\(path)/blobs/sha512", contents: Data()))
            #expect(try await store.blobs() == [StoredBlob(digest: sample.digest, size: 500)])
        }
    }

    @Test func `journal entries lie by rule and repository, and those that read oddly are left out`() async throws {
        try await withStore { store, path in
            let repository = RepositoryKey(rule: try RuleName("team/hub:5"), name: try RepositoryName("a/b"))
            let digest = Sample(seed: 8, count: 5).digest
            let manifest = JournaledManifest(
                repository: repository, digest: digest, mediaType: .ociManifest, fetchedAt: Timestamp(seconds: 7))
            let tag = JournaledTag(
                repository: repository, tag: try Tag("v1"), digest: digest, checkedAt: Timestamp(seconds: 8))
            try await store.journal.record(manifest: manifest)
            try await store.journal.record(tag: tag)
            let folder = "\(path)/repositories/team%2Fhub%3A5/a/b"
            #expect(names(in: "\(folder)/_manifests/sha256") == [digest.hex])
            #expect(names(in: "\(folder)/_tags") == ["v1"])

            let strays: [(String, String)] = [
                ("_tags/half", "\(digest)\n12"), ("_tags/empty", ""), ("_tags/-no", "\(digest)\n1\n"),
                ("_tags/odd", "sha256:12\n1\n"), ("_tags/long", String(repeating: "x", count: 5000) + "\n1\n"),
                ("_tags/nan", "\(digest)\nnever\n"), ("_manifests/sha256/ab", "application/json\n1\n"),
                ("_manifests/sha256/\(String(repeating: "0", count: 64))", "nonsense\n1\n"),
                ("_tags/more", "\(digest)\n1\n2\n"),
            ]
            for (name, text) in strays {
                #expect(FileManager.default.createFile(atPath: "\(folder)/\(name)", contents: Data(text.utf8)))
            }
            for name in ["UPPER", "team%2fhub", "%", "a%00", "-x"] {
                try FileManager.default.createDirectory(
                    atPath: "\(path)/repositories/\(name)/a/_tags", withIntermediateDirectories: true)
                #expect(
                    FileManager.default.createFile(
                        atPath: "\(path)/repositories/\(name)/a/_tags/t", contents: Data("\(digest)\n1\n".utf8)))
            }
            #expect(symlink("..", "\(folder)/loop") == 0)
            let entries = try await store.journal.entries()
            #expect(entries.manifests == [manifest])
            #expect(entries.tags == [tag])
        }
    }

    @Test func `a repository that is forgotten leaves no folder`() async throws {
        try await withStore { store, path in
            let repository = RepositoryKey(rule: try RuleName("hub"), name: try RepositoryName("a/b/c"))
            let tag = JournaledTag(
                repository: repository, tag: .latest, digest: Sample(seed: 9, count: 5).digest,
                checkedAt: Timestamp(seconds: 8))
            try await store.journal.record(tag: tag)
            try await store.journal.forget(tag: tag.tag, in: repository)
            #expect(names(in: path + "/repositories").isEmpty)
        }
    }
}
