import Foundation
import GRDB
import MetadataStore
import MetadataStoreConformance
import OCI
import SQLiteMetadataStore
import TestMachine
import Testing

@Suite struct `Opening a catalogue` {
    @Test func `finds what was written before, after any number of openings`() async throws {
        try await withTemporaryFolder { folder in
            let path = folder + "/catalogue with ?#% in its name.db"
            let repository = try Samples.repository("a")
            for second in 0..<3 {
                try await withCatalogue(at: path) { store async throws in
                    try await store.putTag("t\(second)", of: Samples.digest(second), in: repository, at: second)
                }
            }
            try await withCatalogue(at: path) { store async throws in
                #expect(try await store.tags(in: repository, after: nil, limit: 9).count == 3)
            }
        }
    }

    @Test func `finds what was committed although it was never closed`() async throws {
        try await withTemporaryFolder { folder in
            let repository = try Samples.repository("a")
            let killed = try await SQLiteMetadataStore.open(path: folder + "/a.db", logger: quiet)
            try await killed.putTag("t", of: Samples.digest(1), in: repository)
            // What a process that was killed leaves behind: the file, and a log that was not yet written into it.
            for name in ["a.db", "a.db-wal"] {
                try FileManager.default.copyItem(
                    atPath: "\(folder)/\(name)", toPath: "\(folder)/\(name.replacing("a.db", with: "b.db"))")
            }
            try await killed.close()
            try await withCatalogue(at: folder + "/b.db") { store async throws in
                #expect(try await store.tag(Tag("t"), in: repository)?.digest == Samples.digest(1))
            }
        }
    }

    @Test func `refuses a file of a newer version`() async throws {
        try await withTemporaryFolder { folder in
            let path = folder + "/catalogue.db"
            try await withCatalogue(at: path) { _ in }
            let queue = try DatabaseQueue(path: path)
            try await queue.write { db in
                try db.execute(sql: "INSERT INTO grdb_migrations (identifier) VALUES ('99 later')")
            }
            try queue.close()
            await #expect(throws: MetadataStoreError.newerSchema) {
                try await SQLiteMetadataStore.open(path: path, logger: quiet)
            }
        }
    }

    @Test(arguments: [100, 5000, 40_000])
    func `refuses a file that is no database, of any length`(_ count: Int) async throws {
        try await withTemporaryFolder { folder in
            let path = folder + "/catalogue.db"
            #expect(FileManager.default.createFile(atPath: path, contents: Data(repeating: 0x5A, count: count)))
            await #expect(throws: MetadataStoreError.corrupt) {
                try await SQLiteMetadataStore.open(path: path, logger: quiet)
            }
        }
    }

    @Test func `finds damage inside the file by checking, and says corrupt when it is met`() async throws {
        try await withTemporaryFolder { folder in
            let path = folder + "/catalogue.db"
            let repository = try Samples.repository("a")
            try await withCatalogue(at: path) { store async throws in
                for number in 0..<1000 {
                    try await store.put(
                        SampleManifest.image(number, config: 2000 + number, layers: [4000]), in: repository)
                }
                #expect(try await store.integrityProblems() == [])
            }
            let size = try #require(try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int)
            let file = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
            // The first pages hold the schema, which is read when the file is opened.
            for offset in stride(from: 4096 * 45, to: size, by: 4096) {
                try file.seek(toOffset: UInt64(offset))
                try file.write(contentsOf: Data(repeating: 0xA5, count: 2048))
            }
            try file.close()
            let store = try await SQLiteMetadataStore.open(path: path, logger: quiet)
            var isFound = false
            do throws(MetadataStoreError) {
                isFound = try await !store.integrityProblems().isEmpty
            } catch {
                isFound = error == .corrupt
            }
            #expect(isFound)
            await #expect(throws: MetadataStoreError.corrupt) {
                for number in 0..<1000 {
                    _ = try await store.image(.digest(Samples.digest(number)), in: repository)
                }
            }
            try await store.close()
        }
    }

    @Test func `finds counts that somebody changed`() async throws {
        try await withTemporaryFolder { folder in
            let path = folder + "/catalogue.db"
            try await withCatalogue(at: path) { store async throws in
                try await store.put(
                    SampleManifest.image(1, config: 2, layers: [3]), in: Samples.repository("a"))
                try await store.putBlobs([3])
            }
            let queue = try DatabaseQueue(path: path)
            try await queue.write { db in
                try db.execute(sql: "UPDATE blob SET reference_count = 0; UPDATE total SET tags = 9")
            }
            try queue.close()
            try await withCatalogue(at: path) { store async throws in
                #expect(try await store.integrityProblems().count == 2)
            }
        }
    }

    @Test func `fails where there is no folder for the file`() async throws {
        try await withTemporaryFolder { folder in
            await #expect(throws: MetadataStoreError.notWritable) {
                try await SQLiteMetadataStore.open(path: folder + "/none/catalogue.db", logger: quiet)
            }
        }
    }

    @Test func `makes what is asked after closing fail`() async throws {
        try await withTemporaryFolder { folder in
            let store = try await SQLiteMetadataStore.open(path: folder + "/catalogue.db", logger: quiet)
            try await store.close()
            try await store.close()
            await #expect(throws: MetadataStoreError.self) { try await store.statistics() }
            await #expect(throws: MetadataStoreError.self) { try await store.putBlobs([1]) }
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["catalogue.db"])
        }
    }

    @Test func `keeps absences within their limit, those that last longest`() async throws {
        try await withCatalogue(absenceLimit: 32) { store async throws in
            let repository = try Samples.repository("a")
            for second in 0..<100 {
                try await store.putAbsence(
                    of: .tag(Tag("t\(second)")), in: repository, until: Samples.moment(second))
            }
            var kept: [Int] = []
            for second in 0..<100
            where try await store.absence(of: .tag(Tag("t\(second)")), in: repository) != nil { kept.append(second) }
            #expect(kept.count <= 32 && kept.count >= 24)
            #expect(kept == Array((100 - kept.count)..<100))
        }
    }

    @Test func `forgets confirmations after their time, and repositories that held nothing else`() async throws {
        try await withCatalogue { store async throws in
            let (old, young) = (try Samples.repository("old"), try Samples.repository("young"))
            try await store.confirm(blob: Samples.digest(1), size: 1, in: old, at: Samples.moment(0))
            try await store.confirm(blob: Samples.digest(1), size: 1, in: young, at: Samples.moment(30 * 86400))
            #expect(try await store.membership(of: Samples.digest(1), in: old) != nil)
            try await store.confirm(blob: Samples.digest(2), size: 1, in: young, at: Samples.moment(30 * 86400 + 1))
            #expect(try await store.membership(of: Samples.digest(1), in: old) == nil)
            #expect(try await store.membership(of: Samples.digest(1), in: young) != nil)
        }
    }
}
