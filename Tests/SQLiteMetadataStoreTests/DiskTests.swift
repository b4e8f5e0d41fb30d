import Foundation
import MetadataStore
import MetadataStoreConformance
import OCI
import SQLiteMetadataStore
import TestMachine
import Testing

@Suite(.enabled(if: Mounts.areWanted, "needs the right to mount; runs as root, and always where CI=true"))
struct `A catalogue on a disk that takes nothing` {
    @Test func `refuses writes when the disk fills, reads on, and writes again once there is room`() async throws {
        try await Mounts.withSmallDisk(size: "1m") { folder in
            let repository = try Samples.repository("a")
            try await withCatalogue(at: folder + "/catalogue.db") { store async throws in
                try await store.putTag("t", of: Samples.digest(1), in: repository)
                let filler = try fill(folder)
                await #expect(throws: MetadataStoreError.notWritable) {
                    for number in 0..<10_000 { try await store.putBlobs([number]) }
                }
                #expect(try await store.tag(Tag("t"), in: repository)?.digest == Samples.digest(1))
                #expect(unlink(filler) == 0)
                try await store.putTag("u", of: Samples.digest(1), in: repository)
                #expect(try await store.integrityProblems() == [])
            }
        }
    }

    @Test func `is opened for reading on a full disk`() async throws {
        try await Mounts.withSmallDisk(size: "1m") { folder in
            let repository = try Samples.repository("a")
            try await withCatalogue(at: folder + "/catalogue.db") { store async throws in
                try await store.putTag("t", of: Samples.digest(1), in: repository)
            }
            let filler = try fill(folder)
            try await withCatalogue(at: folder + "/catalogue.db") { store async throws in
                #expect(try await store.tag(Tag("t"), in: repository)?.digest == Samples.digest(1))
                await #expect(throws: MetadataStoreError.notWritable) { try await store.putBlobs([1]) }
            }
            #expect(unlink(filler) == 0)
            try await withCatalogue(at: folder + "/catalogue.db") { store in try await store.putBlobs([1]) }
        }
    }

    @Test func `is opened for reading on a read-only disk`() async throws {
        try await Mounts.withSmallDisk(size: "1m") { folder in
            let repository = try Samples.repository("a")
            try await withCatalogue(at: folder + "/catalogue.db") { store async throws in
                try await store.putTag("t", of: Samples.digest(1), in: repository)
            }
            try await Mounts.remount(folder, readOnly: true)
            try await withCatalogue(at: folder + "/catalogue.db") { store async throws in
                #expect(try await store.tag(Tag("t"), in: repository)?.digest == Samples.digest(1))
                #expect(try await store.statistics().tags == 1)
                #expect(try await store.integrityProblems() == [])
                await #expect(throws: MetadataStoreError.notWritable) { try await store.putBlobs([1]) }
            }
        }
    }

    @Test func `is written to again once a disk that was read-only no longer is`() async throws {
        try await Mounts.withSmallDisk(size: "1m") { folder in
            let path = folder + "/catalogue.db"
            let repository = try Samples.repository("a")
            try await withCatalogue(at: path) { store in
                try await store.putTag("t", of: Samples.digest(1), in: repository)
            }
            try await Mounts.remount(folder, readOnly: true)
            let store = try await SQLiteMetadataStore.open(path: path, reopeningInterval: .zero, logger: quiet)
            await #expect(throws: MetadataStoreError.notWritable) { try await store.putBlobs([1]) }
            #expect(try await store.statistics().blobs == 0)
            try await Mounts.remount(folder, readOnly: false)
            try await store.putBlobs([1])
            try await store.putBlobs([2])
            #expect(try await store.statistics().blobs == 2)
            #expect(try await store.tag(Tag("t"), in: repository)?.digest == Samples.digest(1))
            try await store.close()
        }
    }

    @Test func `cannot be made on a disk that is read-only or full`() async throws {
        try await Mounts.withSmallDisk(size: "1m") { folder in
            _ = try fill(folder)
            await #expect(throws: MetadataStoreError.notWritable) {
                try await SQLiteMetadataStore.open(path: folder + "/catalogue.db", logger: quiet)
            }
            try await Mounts.remount(folder, readOnly: true)
            await #expect(throws: MetadataStoreError.notWritable) {
                try await SQLiteMetadataStore.open(path: folder + "/other.db", logger: quiet)
            }
        }
    }

    /// Takes all room there is; returns the file that holds it.
    private func fill(_ folder: String) throws -> String {
        let path = folder + "/filler"
        let descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND, 0o644)
        try #require(descriptor >= 0)
        defer { close(descriptor) }
        let block = [UInt8](repeating: 1, count: 4096)
        while write(descriptor, block, block.count) > 0 {}
        return path
    }
}
