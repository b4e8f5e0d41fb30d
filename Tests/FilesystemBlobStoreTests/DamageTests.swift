import BlobStore
import BlobStoreConformance
import FilesystemBlobStore
import Foundation
import NIOCore
import OCI
import Testing

/// Something that happens to a blob's file behind the store's back.
struct Damage: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let inflict: @Sendable (_ path: String) throws -> Void

    static let all: [Damage] = [
        Damage("one byte is altered") { try overwrite($0, with: [0x5A, 0xA5], at: 77) },
        Damage("it is cut short") { #expect(truncate($0, 100) == 0) },
        Damage("it is cut to nothing") { #expect(truncate($0, 0) == 0) },
        Damage("bytes are added") { try overwrite($0, with: [1, 2, 3], at: 5000) },
        Damage("it grows by a hole") { #expect(truncate($0, 1 << 20) == 0) },
        Damage("it is removed") { #expect(unlink($0) == 0) },
        Damage("an empty file takes its place") {
            #expect(unlink($0) == 0)
            #expect(FileManager.default.createFile(atPath: $0, contents: Data()))
        },
        Damage("a folder takes its place") {
            #expect(unlink($0) == 0)
            #expect(mkdir($0, 0o755) == 0)
        },
        Damage("a symbolic link takes its place") {
            #expect(rename($0, $0 + ".moved") == 0)
            #expect(symlink($0 + ".moved", $0) == 0)
        },
        Damage("a link to nowhere takes its place") {
            #expect(unlink($0) == 0)
            #expect(symlink("/nowhere", $0) == 0)
        },
        Damage("a pipe takes its place") {
            #expect(unlink($0) == 0)
            #expect(mkfifo($0, 0o644) == 0)
        },
        Damage("it is cut short, and its time put back") { path in
            let before = try #require(status(of: path))
            #expect(truncate(path, 100) == 0)
            let times = [before.st_atim, before.st_mtim]
            #expect(utimensat(AT_FDCWD, path, times, 0) == 0)
        },
    ]

    private init(_ description: String, _ inflict: @escaping @Sendable (String) throws -> Void) {
        testDescription = description
        self.inflict = inflict
    }
}

@Suite struct `A blob whose file is damaged` {
    @Test(arguments: Damage.all)
    func `is a miss, is removed, and can be stored again`(_ damage: Damage) async throws {
        try await withStore { store, path in
            let sample = Sample(seed: 1, count: 5000)
            try await store.store(sample)
            try damage.inflict(file(of: sample.digest, in: path))
            #expect(try await store.open(sample.digest) == nil)
            #expect(status(of: file(of: sample.digest, in: path)) == nil)
            try await store.store(sample)
            #expect(try await store.content(of: sample.digest) == sample.bytes)
        }
    }

    @Test(arguments: Damage.all)
    func `is replaced by a commit that does not look first`(_ damage: Damage) async throws {
        try await withStore { store, path in
            let sample = Sample(seed: 2, count: 5000)
            try await store.store(sample)
            try damage.inflict(file(of: sample.digest, in: path))
            try await store.store(sample)
            #expect(try await store.content(of: sample.digest) == sample.bytes)
        }
    }

    @Test(arguments: Damage.all)
    func `is not sound, and checking removes nothing`(_ damage: Damage) async throws {
        try await withStore { store, path in
            let sample = Sample(seed: 3, count: 5000)
            try await store.store(sample)
            try damage.inflict(file(of: sample.digest, in: path))
            let before = status(of: file(of: sample.digest, in: path)) != nil
            switch try await store.verify(sample.digest) {
            case .sound: Issue.record("the damage was not seen")
            case .missing: break
            case .altered(let actual): #expect(actual != sample.digest)
            }
            #expect((status(of: file(of: sample.digest, in: path)) != nil) == before)
        }
    }

    @Test func `that was only touched is read, found right, served and sealed again`() async throws {
        try await withStore { store, path in
            let sample = Sample(seed: 4, count: 9_000_000)
            try await store.store(sample)
            let sealed = try #require(status(of: file(of: sample.digest, in: path)))
            #expect(utimensat(AT_FDCWD, file(of: sample.digest, in: path), nil, 0) == 0)
            #expect(chmod(file(of: sample.digest, in: path), 0o644) == 0)
            #expect(try await store.content(of: sample.digest) == sample.bytes)
            let again = try #require(status(of: file(of: sample.digest, in: path)))
            #expect(again.st_mtim.tv_sec == sealed.st_mtim.tv_sec)
            #expect(again.st_mode & 0o777 == 0o444)
            #expect(again.st_ino == sealed.st_ino)
        }
    }

    @Test func `that was only touched is opened by many at once`() async throws {
        try await withStore { store, path in
            let sample = Sample(seed: 8, count: 3_000_000)
            try await store.store(sample)
            for isSound in [true, false] {
                if isSound {
                    #expect(utimensat(AT_FDCWD, file(of: sample.digest, in: path), nil, 0) == 0)
                } else {
                    try overwrite(file(of: sample.digest, in: path), with: [1, 2, 3])
                }
                try await withThrowingTaskGroup(of: Bool.self) { group in
                    for _ in 0..<30 {
                        group.addTask { try await store.content(of: sample.digest) == sample.bytes }
                    }
                    for try await isRight in group { #expect(isRight == isSound) }
                }
            }
        }
    }

    @Test func `that was copied into place without its time is taken in`() async throws {
        try await withStore { store, path in
            let sample = Sample(seed: 5, count: 5000)
            let target = file(of: sample.digest, in: path)
            try FileManager.default.createDirectory(
                atPath: (target as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
            #expect(FileManager.default.createFile(atPath: target, contents: Data(sample.bytes.readableBytesView)))
            #expect(try await store.content(of: sample.digest) == sample.bytes)
        }
    }

    @Test func `under a reader gives an error in place of fewer bytes`() async throws {
        try await withStore { store, path in
            let sample = Sample(seed: 6, count: 5000)
            try await store.store(sample)
            let reader = try #require(try await store.open(sample.digest))
            #expect(truncate(file(of: sample.digest, in: path), 100) == 0)
            await #expect(throws: BlobStoreError.system(call: "pread", errno: EIO)) {
                try await reader.read(at: 0, length: 5000)
            }
        }
    }

    @Test func `with a full folder in its place stays a miss, and its removal frees nothing`() async throws {
        try await withStore { store, path in
            let sample = Sample(seed: 7, count: 5000)
            let target = file(of: sample.digest, in: path)
            try FileManager.default.createDirectory(atPath: target + "/x", withIntermediateDirectories: true)
            #expect(try await store.open(sample.digest) == nil)
            #expect(try await store.remove(sample.digest) == 0)
            #expect(try await store.blobs().isEmpty)
            await #expect(throws: BlobStoreError.self) { try await store.store(sample) }
            #expect(try await store.open(sample.digest) == nil)
        }
    }
}

@Suite struct `A blob that is kept open` {
    @Test func `is at hand once it was opened`() async throws {
        try await withStore { store, _ in
            let sample = Sample(seed: 1, count: 5000)
            try await store.store(sample)
            #expect(store.openAtHand(sample.digest) == nil)
            #expect(try await store.open(sample.digest) != nil)
            let reader = try #require(store.openAtHand(sample.digest))
            #expect(try await reader.content() == sample.bytes)
        }
    }

    @Test(arguments: Damage.all)
    func `is looked at again when something happened to its file`(_ damage: Damage) async throws {
        try await withStore { store, path in
            let sample = Sample(seed: 1, count: 5000)
            try await store.store(sample)
            #expect(try await store.open(sample.digest) != nil)
            try damage.inflict(file(of: sample.digest, in: path))
            // A name that another file took is no damage to this one; then it may be given out, whole.
            if let reader = store.openAtHand(sample.digest) {
                #expect(try await reader.content() == sample.bytes)
            }
            #expect(try await store.open(sample.digest) == nil)
            #expect(store.openAtHand(sample.digest) == nil)
            try await store.store(sample)
            #expect(try await store.content(of: sample.digest) == sample.bytes)
        }
    }

    @Test func `is let go when the store removes it, so that its space becomes free`() async throws {
        try await withStore { store, path in
            let sample = Sample(seed: 1, count: 5000)
            try await store.store(sample)
            #expect(try await store.open(sample.digest) != nil)
            let name = file(of: sample.digest, in: path)
            func isOpen() -> Bool {
                names(in: "/proc/self/fd").contains { descriptor in
                    let target = try? FileManager.default.destinationOfSymbolicLink(
                        atPath: "/proc/self/fd/\(descriptor)")
                    return target?.hasPrefix(name) ?? false
                }
            }
            #expect(isOpen())
            #expect(try await store.remove(sample.digest) == 5000)
            #expect(!isOpen())
            #expect(store.openAtHand(sample.digest) == nil)
        }
    }

    @Test func `is one of so many`() async throws {
        try await withStore { store, _ in
            let samples = (0..<140).map { Sample(seed: UInt64($0) + 1, count: 100) }
            for sample in samples {
                try await store.store(sample)
                #expect(try await store.open(sample.digest) != nil)
            }
            #expect(samples.count { store.openAtHand($0.digest) != nil } == 128)
            #expect(store.openAtHand(samples[139].digest) != nil)
            #expect(store.openAtHand(samples[0].digest) == nil)
        }
    }
}

@Suite struct `What is at hand` {
    @Test func `is read as it is on disk, and nothing beyond what may be read`() async throws {
        try await withStore { store, _ in
            let sample = Sample(seed: 3, count: 10_000)
            let ingest = try await store.beginIngest(of: sample.digest, expectedSize: sample.size)
            let reader = ingest.reader
            var buffer = ByteBuffer(string: "old")
            #expect(!reader.readAtHand(into: &buffer, at: 0, length: 10))
            try await ingest.append(sample.bytes.getSlice(at: 0, length: 4000) ?? ByteBuffer())
            for (offset, length, count) in [(0, 10, 10), (3990, 100, 10), (0, 100_000, 4000), (4000, 5, 0), (-1, 5, 0)]
            {
                // Where the file system cannot tell what is at hand, that is no failure.
                guard reader.readAtHand(into: &buffer, at: Int64(offset), length: length) else { continue }
                #expect(count > 0)
                #expect(buffer == sample.bytes.getSlice(at: offset, length: buffer.readableBytes))
                #expect(buffer.readableBytes <= count)
            }
            await ingest.abandon()
        }
    }

    @Test func `a small blob is read in one go, and a large one is not`() async throws {
        try await withStore { store, _ in
            let sample = Sample(seed: 4, count: 5000)
            #expect(try await store.read(sample.digest, limitBytes: 10_000) == nil)
            try await store.store(sample)
            #expect(try await store.read(sample.digest, limitBytes: 5000) == sample.bytes)
            #expect(try await store.read(sample.digest, limitBytes: 4999) == nil)
        }
    }
}
