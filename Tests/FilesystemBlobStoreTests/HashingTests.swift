import BlobStore
import BlobStoreConformance
import NIOCore
import OCI
import Testing

@testable import FilesystemBlobStore

@Suite(.timeLimit(.minutes(1))) struct `Hashing beside writing` {
    private let piece = IngestProgress.hashBatchBytes / 2

    private func progress(contiguous: Int64) -> IngestProgress {
        var progress = IngestProgress(.sha256)
        progress.insert(0..<contiguous)
        return progress
    }

    @Test func `begins with a batch, or with whatever there is at the end`() {
        var little = progress(contiguous: piece)
        let beginsWithLittle = little.beginHashing(minimumBytes: IngestProgress.hashBatchBytes)
        #expect(!beginsWithLittle)
        let beginsAtTheEnd = little.beginHashing()
        #expect(beginsAtTheEnd)
        var enough = progress(contiguous: 2 * piece)
        let begins = enough.beginHashing(minimumBytes: IngestProgress.hashBatchBytes)
        #expect(begins)
        let beginsTwice = enough.beginHashing()
        #expect(!beginsTwice)
        var nothing = progress(contiguous: 0)
        let beginsWithNothing = nothing.beginHashing(minimumBytes: 0)
        #expect(!beginsWithNothing)
    }

    @Test func `holds a writer up from the limit on, until half of it is hashed`() throws {
        var progress = progress(contiguous: IngestProgress.hashLagLimitBytes)
        // Nobody hashes who could catch up: waiting would be for ever.
        #expect(!progress.isHashBehind)
        #expect(progress.hasCaughtUp)
        let begins = progress.beginHashing()
        #expect(begins && progress.isHashBehind && !progress.hasCaughtUp)
        var position: Int64 = 0
        while !progress.hasCaughtUp {
            let next = progress.nextToHash(readLimitBytes: piece)
            let step = try #require(next)
            position = step.range.upperBound
            progress.endHashing(step.hasher, at: position)
            #expect(!progress.isHashBehind)
        }
        #expect(position == IngestProgress.hashLagLimitBytes / 2)
    }

    @Test(arguments: [1, 4])
    func `several who write faster than can be hashed all end, and every byte counts`(threads: Int) async throws {
        let sample = Sample(seed: 11, count: Int(3 * IngestProgress.hashLagLimitBytes) + 77)
        let length = 200_000
        try await withStore(threadCount: threads) { store, _ in
            let ingest = try await store.beginIngest(of: sample.digest, expectedSize: sample.size)
            let pieces = sample.pieces(of: length)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for writer in 0..<3 {
                    group.addTask {
                        for index in stride(from: writer, to: pieces.count, by: 3) {
                            _ = try await ingest.write(pieces[index], at: Int64(index * length))
                        }
                    }
                }
                try await group.waitForAll()
            }
            try await ingest.commit()
            #expect(try await store.content(of: sample.digest) == sample.bytes)
        }
    }

    @Test func `an ingest that is given up while its writer is ahead of the hash ends`() async throws {
        let sample = Sample(seed: 12, count: Int(2 * IngestProgress.hashLagLimitBytes))
        try await withStore(threadCount: 1) { store, path in
            let ingest = try await store.beginIngest(of: sample.digest, expectedSize: nil)
            let writer = Task {
                for piece in sample.pieces(of: 1 << 20) { try await ingest.append(piece) }
            }
            while ingest.reader.size < IngestProgress.hashLagLimitBytes { await Task.yield() }
            await ingest.abandon()
            _ = await writer.result
            #expect(names(in: "\(path)/ingest").isEmpty)
        }
    }
}
