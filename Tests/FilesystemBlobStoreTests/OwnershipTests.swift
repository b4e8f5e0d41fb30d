import BlobStore
import BlobStoreConformance
import FilesystemBlobStore
import Foundation
import NIOCore
import OCI
import Subprocess
import SystemPackage
import TestMachine
import Testing

@Suite struct `A store's folder` {
    @Test func `is refused to a second opening, which is told the process`() async throws {
        try await withStore { _, path in
            await #expect(throws: BlobStoreError.inUse(byProcess: getpid())) {
                try await FilesystemBlobStore.open(directory: path, logger: quiet)
            }
        }
    }

    @Test func `is free again once closed, with what was committed in it`() async throws {
        try await withTemporaryFolder { path in
            let sample = Sample(seed: 1, count: 5000)
            try await withStore(at: path) { store async throws in try await store.store(sample) }
            try await withStore(at: path + "///") { store in
                let content = try await store.content(of: sample.digest)
                #expect(content == sample.bytes)
            }
        }
    }

    @Test func `is created with all folders above it`() async throws {
        try await withTemporaryFolder { path in
            try await withStore(at: path + "/a/b/c") { store in try await store.store(Sample(seed: 2, count: 1)) }
        }
    }

    @Test func `stays locked when the lock's file is removed and made anew behind its back`() async throws {
        try await withStore { _, path in
            // Whoever holds the old file no longer holds what others see: they get the new one, and know it.
            #expect(unlink(path + "/lock") == 0)
            let other = try await FilesystemBlobStore.open(directory: path, logger: quiet)
            await #expect(throws: BlobStoreError.inUse(byProcess: getpid())) {
                try await FilesystemBlobStore.open(directory: path, logger: quiet)
            }
            await other.close()
        }
    }

    @Test func `is free again when its owner is killed`() async throws {
        try await withTemporaryFolder { path in
            try await withStore(at: path) { _ in }
            // `flock` becomes `cat`, whose echo shows that it runs under the lock.
            let ended = try await Subprocess.run(
                .path("/usr/bin/flock"), arguments: ["--no-fork", path + "/lock", "/bin/cat"],
                input: .inputWriter, output: .sequence, error: .discarded
            ) { execution in
                _ = try await execution.standardInputWriter.write("locked\n")
                var echo: [UInt8] = []
                for try await piece in execution.standardOutput {
                    piece.withUnsafeBytes { echo += $0 }
                    if echo.count >= 7 { break }
                }
                #expect(echo == Array("locked\n".utf8))
                await #expect {
                    try await FilesystemBlobStore.open(directory: path, logger: quiet)
                } throws: { error in
                    if case .inUse = error as? BlobStoreError { true } else { false }
                }
                try execution.send(signal: .kill)
            }
            #expect(ended.terminationStatus == .signaled(SIGKILL))
            try await withStore(at: path) { store async throws in try await store.store(Sample(seed: 3, count: 1)) }
        }
    }

    @Test func `is swept of what earlier runs left unfinished, and of nothing else`() async throws {
        try await withTemporaryFolder { path in
            let sample = Sample(seed: 4, count: 5000)
            try await withStore(at: path) { store async throws in try await store.store(sample) }
            let leftovers = path + "/ingest"
            #expect(FileManager.default.createFile(atPath: leftovers + "/1f", contents: Data(count: 100_000)))
            try FileManager.default.createDirectory(
                atPath: leftovers + "/folder/nested", withIntermediateDirectories: true)
            #expect(FileManager.default.createFile(atPath: leftovers + "/folder/nested/x", contents: Data()))
            #expect(symlink(file(of: sample.digest, in: path), leftovers + "/link") == 0)
            #expect(symlink(path + "/blobs", leftovers + "/folder/link") == 0)
            try await withStore(at: path) { store async throws in
                #expect(names(in: leftovers).isEmpty)
                let content = try await store.content(of: sample.digest)
                #expect(content == sample.bytes)
            }
        }
    }

    @Test func `of another layout is refused untouched`() async throws {
        try await withTemporaryFolder { path in
            #expect(FileManager.default.createFile(atPath: path + "/version", contents: Data("2\n".utf8)))
            await #expect(throws: BlobStoreError.unsupportedLayout) {
                try await FilesystemBlobStore.open(directory: path, logger: quiet)
            }
            #expect(Set(names(in: path)) == ["lock", "version"])
        }
    }

    @Test func `whose version was not written to its end is taken`() async throws {
        try await withTemporaryFolder { path in
            #expect(FileManager.default.createFile(atPath: path + "/version", contents: Data()))
            try await withStore(at: path) { _ in }
            #expect(FileManager.default.contents(atPath: path + "/version") == Data("1\n".utf8))
        }
    }

    @Test func `that is a file is an error`() async throws {
        try await withTemporaryFolder { path in
            #expect(FileManager.default.createFile(atPath: path + "/file", contents: Data()))
            await #expect(throws: BlobStoreError.self) {
                try await FilesystemBlobStore.open(directory: path + "/file", logger: quiet)
            }
            await #expect(throws: BlobStoreError.self) {
                try await FilesystemBlobStore.open(directory: path + "/file/below", logger: quiet)
            }
        }
    }

    @Test func `may be closed twice, and readers go on after that`() async throws {
        try await withTemporaryFolder { path in
            let sample = Sample(seed: 5, count: 5000)
            let store = try await FilesystemBlobStore.open(directory: path, logger: quiet)
            try await store.store(sample)
            let reader = try #require(try await store.open(sample.digest))
            await store.close()
            await store.close()
            #expect(try await reader.content() == sample.bytes)
            try await withStore(at: path) { _ in }
        }
    }
}
