import BlobStore
import NIOCore
import OCI

extension BlobStoreConformance {
    static let growth: [BlobStoreCheck] = [
        BlobStoreCheck("readers follow an ingest as it grows, each from where it likes") { store in
            let sample = Sample(seed: 20, count: 300_000)
            let ingest = try await store.beginIngest(of: sample.digest, expectedSize: sample.size)
            let reader = ingest.reader
            try expect(reader.size, is: 0, "the size before anything was appended")
            try expect(try await reader.read(at: 0, length: 100).readableBytes, is: 0, "what can be read then")
            var appended = ByteBuffer()
            for var piece in sample.pieces(of: 50_001) {
                try await ingest.append(piece)
                appended.writeBuffer(&piece)
                try expect(reader.size, is: Int64(appended.readableBytes), "the size once an append returned")
                try expect(ingest.reader.size, is: reader.size, "the size by another reader")
                try expect(try await reader.content(), is: appended, "what was appended so far")
                let last = appended.getSlice(at: appended.readableBytes - 1, length: 1)
                try expect(
                    try await reader.read(at: reader.size - 1, length: 4096), is: last ?? ByteBuffer(), "the last byte")
            }
        },
        BlobStoreCheck("an ingest's reader outlives commit, removal and giving up") { store in
            let sample = Sample(seed: 21, count: 100_000)
            let committed = try await store.beginIngest(of: sample.digest, expectedSize: sample.size)
            let reader = committed.reader
            try await committed.append(sample.bytes)
            try await committed.commit()
            try expect(try await reader.content(), is: sample.bytes, "the content after the commit")
            try await store.remove(sample.digest)
            try expect(try await reader.content(), is: sample.bytes, "the content after removal")

            var abandoned: (any BlobIngest)? = try await store.beginIngest(of: sample.digest, expectedSize: nil)
            let other = abandoned?.reader
            try await abandoned?.append(sample.bytes)
            await abandoned?.abandon()
            abandoned = nil
            try expect(try await other?.content(), is: sample.bytes, "the content after giving up")
        },
        BlobStoreCheck("a range is read exactly, and ends with the blob") { store in
            let sample = Sample(seed: 22, count: 10_000)
            try await store.store(sample)
            guard let reader = try await store.open(sample.digest) else {
                throw ConformanceFailure(description: "the blob is there")
            }
            let table: [(offset: Int64, length: Int, count: Int)] = [
                (0, 1, 1), (0, 10_000, 10_000), (0, 10_001, 10_000), (9_999, 5, 1), (10_000, 5, 0), (20_000, 5, 0),
                (5_000, 0, 0), (4_321, 1234, 1234), (0, Int.max, 10_000), (-1, 5, 0), (.min, 5, 0), (.max, 5, 0),
                (0, -1, 0),
            ]
            for row in table {
                let expected =
                    row.count == 0
                    ? ByteBuffer() : sample.bytes.getSlice(at: Int(row.offset), length: row.count)
                try expect(
                    try await reader.read(at: row.offset, length: row.length), is: expected ?? ByteBuffer(),
                    "what is read at \(row.offset) for \(row.length)")
            }
        },
    ]

    static let removal: [BlobStoreCheck] = [
        BlobStoreCheck("a blob that never was is absent, and its removal frees nothing") { store in
            let sample = Sample(seed: 30, count: 10)
            try expect(try await store.open(sample.digest) == nil, "the blob is absent")
            try expect(try await store.verify(sample.digest), is: .missing, "the condition")
            try expect(try await store.remove(sample.digest), is: 0, "the bytes freed")
            try expect(try await store.blobs().isEmpty, "the listing is empty")
        },
        BlobStoreCheck("removal frees a blob's bytes once, and readers keep theirs") { store in
            let sample = Sample(seed: 31, count: 123_456)
            let kept = Sample(seed: 32, count: 1000)
            try await store.store(sample)
            try await store.store(kept)
            let reader = try await store.open(sample.digest)
            try expect(try await store.remove(sample.digest), is: sample.size, "the bytes freed")
            try expect(try await store.remove(sample.digest), is: 0, "the bytes freed the second time")
            try expect(try await store.open(sample.digest) == nil, "the blob is absent")
            try expect(try await reader?.content(), is: sample.bytes, "what the reader reads")
            try expect(try await store.blobs().map(\.digest), is: [kept.digest], "the listing")
            try await store.store(sample)
            try expect(try await store.content(of: sample.digest), is: sample.bytes, "the content stored again")
        },
        BlobStoreCheck("a listing names every blob with its size") { store in
            let samples = (0..<40).map {
                Sample(seed: 100 + UInt64($0), count: $0 * 37, algorithm: $0 % 5 == 0 ? .sha512 : .sha256)
            }
            for sample in samples { try await store.store(sample) }
            let expected = Set(samples.map { StoredBlob(digest: $0.digest, size: $0.size) })
            let listed = try await store.blobs()
            try expect(listed.count, is: expected.count, "the number listed")
            try expect(Set(listed) == expected, "the listing has each blob and its size")
        },
        BlobStoreCheck("capacity is no less than what is free, and neither is negative") { store in
            let capacity = try await store.capacity()
            try expect((capacity.totalBytes ?? 1) > 0, "the total is positive")
            try expect((capacity.availableBytes ?? 0) >= 0, "what is available is not negative")
            if let total = capacity.totalBytes, let available = capacity.availableBytes {
                try expect(available <= total, "no more is available than there is")
            }
        },
    ]

    static let concurrency: [BlobStoreCheck] = [
        BlobStoreCheck("ingests of one digest run side by side, and all commits succeed") { store in
            let sample = Sample(seed: 40, count: 500_000)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<16 { group.addTask { try await store.store(sample) } }
                try await group.waitForAll()
            }
            try expect(try await store.content(of: sample.digest), is: sample.bytes, "the content")
            try expect(try await store.blobs().count, is: 1, "the number listed")
        },
        BlobStoreCheck("a wrong ingest beside a right one spoils nothing") { store in
            let sample = Sample(seed: 41, count: 50_000)
            let wrong = Sample(seed: 42, count: 50_000)
            let right = try await store.beginIngest(of: sample.digest, expectedSize: sample.size)
            let other = try await store.beginIngest(of: sample.digest, expectedSize: sample.size)
            try await right.append(sample.bytes)
            try await other.append(wrong.bytes)
            try await right.commit()
            try await expect(
                throws: BlobStoreError.digestMismatch(expected: sample.digest, actual: wrong.digest)
            ) { try await other.commit() }
            await other.abandon()
            try expect(try await store.content(of: sample.digest), is: sample.bytes, "the content")
        },
        BlobStoreCheck("blobs that come, go and are read all at once are whole or absent") { store in
            let samples = (0..<8).map { Sample(seed: 200 + UInt64($0), count: 40_000 + $0) }
            try await withThrowingTaskGroup(of: Void.self) { group in
                for round in 0..<12 {
                    for sample in samples {
                        group.addTask { try await store.store(sample, knowsSize: round % 2 == 0) }
                        group.addTask {
                            guard let content = try await store.content(of: sample.digest) else { return }
                            try expect(content == sample.bytes, "what is found is whole")
                        }
                    }
                    group.addTask { try await store.remove(samples[round % samples.count].digest) }
                }
                try await group.waitForAll()
            }
            for blob in try await store.blobs() {
                try expect(try await store.verify(blob.digest), is: .sound(size: blob.size), "the condition")
            }
        },
    ]
}
