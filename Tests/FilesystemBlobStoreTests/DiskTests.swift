import BlobStore
import BlobStoreConformance
import FilesystemBlobStore
import Foundation
import NIOCore
import OCI
import Rules
import TestMachine
import Testing
import Timekeeping

@Suite(.enabled(if: Mounts.areWanted, "needs the right to mount; runs as root, and always where CI=true"))
struct `A store on a disk that takes nothing` {
    @Test func `says that it is full, keeps what it had, and works again once there is room`() async throws {
        try await Mounts.withSmallDisk(size: "2m") { path in
            try await withStore(at: path) { store async throws in
                let kept = Sample(seed: 1, count: 500_000)
                try await store.store(kept)
                let large = Sample(seed: 2, count: 3_000_000)
                await #expect(throws: BlobStoreError.full) {
                    try await store.beginIngest(of: large.digest, expectedSize: large.size)
                }
                let ingest = try await store.beginIngest(of: large.digest, expectedSize: nil)
                var appended = ByteBuffer()
                await #expect(throws: BlobStoreError.full) {
                    for var piece in large.pieces(of: 100_000) {
                        try await ingest.append(piece)
                        appended.writeBuffer(&piece)
                    }
                }
                #expect(appended.readableBytes > 500_000)
                #expect(try await ingest.reader.content() == appended)
                await #expect(throws: BlobStoreError.full) {
                    try await ingest.append(ByteBuffer(repeating: 1, count: 100_000))
                }
                await ingest.abandon()
                #expect(try await store.content(of: kept.digest) == kept.bytes)
                #expect(try await ingest.reader.content() == appended)
            }
            try await withStore(at: path) { store async throws in
                try await waitForRoom(1_100_000, in: store)
                let fits = Sample(seed: 3, count: 1_000_000)
                try await store.store(fits)
                #expect(try await store.content(of: fits.digest) == fits.bytes)
                #expect(try await store.remove(fits.digest) == fits.size)
                try await waitForRoom(fits.size, in: store)
                try await store.store(fits)
            }
        }
    }

    @Test func `takes the rest of a blob once room was made while it arrived`() async throws {
        try await Mounts.withSmallDisk(size: "2m") { path in
            try await withStore(at: path) { store async throws in
                let old = Sample(seed: 4, count: 1_000_000)
                try await store.store(old)
                let sample = Sample(seed: 5, count: 1_500_000)
                let ingest = try await store.beginIngest(of: sample.digest, expectedSize: nil)
                var fullCount = 0
                for piece in sample.pieces(of: 250_000) {
                    do throws(BlobStoreError) {
                        try await ingest.append(piece)
                    } catch {
                        #expect(error == .full)
                        fullCount += 1
                        try await store.remove(old.digest)
                        try await waitForRoom(old.size, in: store)
                        try await ingest.append(piece)
                    }
                }
                #expect(fullCount == 1)
                try await ingest.commit()
                #expect(try await store.content(of: sample.digest) == sample.bytes)
            }
        }
    }

    @Test func `opens on a full disk, and removing makes room`() async throws {
        try await Mounts.withSmallDisk(size: "1m") { path in
            let kept = Sample(seed: 6, count: 300_000)
            try await withStore(at: path) { store async throws in try await store.store(kept) }
            #expect(!FileManager.default.createFile(atPath: path + "/filler", contents: Data(count: 2 << 20)))
            let descriptor = open(path + "/filler", O_WRONLY | O_CREAT | O_APPEND, 0o644)
            while write(descriptor, [UInt8](repeating: 1, count: 512), 512) > 0 {}
            close(descriptor)
            try await withStore(at: path) { store async throws in
                #expect(try await store.content(of: kept.digest) == kept.bytes)
                #expect(try await store.capacity().availableBytes == 0)
                let sample = Sample(seed: 7, count: 100_000)
                await #expect(throws: BlobStoreError.full) { try await store.store(sample) }
                let tag = JournaledTag(
                    repository: RepositoryKey(rule: try RuleName("hub"), name: try RepositoryName("a")),
                    tag: .latest, digest: sample.digest, checkedAt: Timestamp(seconds: 1))
                await #expect(throws: BlobStoreError.full) { try await store.journal.record(tag: tag) }
                #expect(try await store.journal.entries().tags.isEmpty)
                #expect(try await store.remove(kept.digest) == kept.size)
                try await waitForRoom(kept.size, in: store)
                try await store.store(sample)
                try await store.journal.record(tag: tag)
                #expect(try await store.journal.entries().tags == [tag])
            }
        }
    }

    @Test func `serves on a read-only disk, refuses writes as such, and is still one process's own`() async throws {
        try await Mounts.withSmallDisk(size: "4m") { path in
            let kept = Sample(seed: 8, count: 300_000)
            let touched = Sample(seed: 9, count: 300_000)
            let altered = Sample(seed: 10, count: 300_000)
            try await withStore(at: path) { store async throws in
                for sample in [kept, touched, altered] { try await store.store(sample) }
            }
            #expect(utimensat(AT_FDCWD, file(of: touched.digest, in: path), nil, 0) == 0)
            try overwrite(file(of: altered.digest, in: path), with: [0, 0, 0])
            try await Mounts.remount(path, readOnly: true)
            try await withStore(at: path) { store async throws in
                #expect(try await store.content(of: kept.digest) == kept.bytes)
                #expect(try await store.content(of: touched.digest) == touched.bytes)
                #expect(try await store.open(altered.digest) == nil)
                #expect(try await store.blobs().count == 3)
                await #expect(throws: BlobStoreError.readOnly) {
                    try await store.beginIngest(of: kept.digest, expectedSize: nil)
                }
                await #expect(throws: BlobStoreError.readOnly) { try await store.remove(kept.digest) }
                await #expect(throws: BlobStoreError.inUse(byProcess: getpid())) {
                    try await FilesystemBlobStore.open(directory: path, logger: quiet)
                }
            }
        }
    }

    /// A file's room is free when the last that reads it has let it go, which may be a moment later on another thread.
    private func waitForRoom(_ bytes: Int64, in store: FilesystemBlobStore) async throws {
        let deadline = ContinuousClock.now + .seconds(30)
        while try #require(try await store.capacity().availableBytes) < bytes {
            try #require(ContinuousClock.now < deadline)
            await Task.yield()
        }
    }

    @Test func `opens a folder that is empty and read-only`() async throws {
        try await Mounts.withSmallDisk(size: "1m") { path in
            try await Mounts.remount(path, readOnly: true)
            try await withStore(at: path) { store async throws in
                #expect(try await store.open(Sample(seed: 11, count: 1).digest) == nil)
                #expect(try await store.blobs().isEmpty)
                #expect(try await store.journal.entries().tags.isEmpty)
                await #expect(throws: BlobStoreError.readOnly) {
                    try await store.beginIngest(of: Sample(seed: 11, count: 1).digest, expectedSize: 1)
                }
            }
            await #expect(throws: BlobStoreError.readOnly) {
                try await FilesystemBlobStore.open(directory: path + "/new", logger: quiet)
            }
        }
    }
}
