import BlobStore
import NIOCore
import OCI

extension BlobStoreConformance {
    static let visibility: [BlobStoreCheck] = [
        BlobStoreCheck("a blob is seen once it is committed, and not before") { store in
            let sample = Sample(seed: 1, count: 200_000)
            let ingest = try await store.beginIngest(of: sample.digest, expectedSize: sample.size)
            try expect(ingest.digest, is: sample.digest, "the ingest's digest")
            try expect(try await store.open(sample.digest) == nil, "nothing is seen of an ingest that has begun")
            try await ingest.append(sample.bytes)
            try expect(try await store.open(sample.digest) == nil, "nothing is seen of bytes appended")
            try await ingest.verify()
            try expect(try await store.open(sample.digest) == nil, "nothing is seen of an ingest that was verified")
            try expect(try await store.blobs().isEmpty, "a listing shows no ingest")
            try expect(try await store.verify(sample.digest), is: .missing, "the condition of an ingest")
            try await ingest.commit()
            try expect(try await store.content(of: sample.digest), is: sample.bytes, "the content")
            try expect(
                try await store.blobs(), is: [StoredBlob(digest: sample.digest, size: sample.size)], "the listing")
        },
        BlobStoreCheck("a blob of unknown size is committed like any other") { store in
            let sample = Sample(seed: 2, count: 70_001)
            try await store.store(sample, knowsSize: false)
            try expect(try await store.content(of: sample.digest), is: sample.bytes, "the content")
        },
        BlobStoreCheck("an empty blob is a blob") { store in
            for (algorithm, expectedSize) in [(Digest.Algorithm.sha256, Int64?.some(0)), (.sha512, nil)] {
                let empty = Sample(seed: 3, count: 0, algorithm: algorithm)
                let ingest = try await store.beginIngest(of: empty.digest, expectedSize: expectedSize)
                try await ingest.append(ByteBuffer())
                try await ingest.commit()
                let reader = try await store.open(empty.digest)
                try expect(reader?.size, is: 0, "the size of the empty blob")
                try expect(try await reader?.read(at: 0, length: 10), is: ByteBuffer(), "the content")
                try expect(try await store.verify(empty.digest), is: .sound(size: 0), "the condition")
            }
        },
        BlobStoreCheck("sha512 digests are verified and served like sha256 ones") { store in
            let sample = Sample(seed: 4, count: 100_000, algorithm: .sha512)
            try await store.store(sample)
            try expect(try await store.content(of: sample.digest), is: sample.bytes, "the content")
            try expect(try await store.verify(sample.digest), is: .sound(size: sample.size), "the condition")
            try expect(try await store.blobs().map(\.digest), is: [sample.digest], "the listing")
        },
        BlobStoreCheck("a large blob that arrives in many pieces keeps every byte in its place") { store in
            let sample = Sample(seed: 5, count: 9_000_001)
            let ingest = try await store.beginIngest(of: sample.digest, expectedSize: sample.size)
            for piece in sample.pieces(of: 77_777) { try await ingest.append(piece) }
            try await ingest.commit()
            try expect(try await store.content(of: sample.digest) == sample.bytes, "the content is what was appended")
            try expect(try await store.verify(sample.digest), is: .sound(size: sample.size), "the condition")
        },
        BlobStoreCheck("a commit may be repeated, and a verification before it") { store in
            let sample = Sample(seed: 6, count: 5000)
            let ingest = try await store.beginIngest(of: sample.digest, expectedSize: nil)
            try await ingest.append(sample.bytes)
            try await ingest.verify()
            try await ingest.verify()
            try await ingest.commit()
            try await ingest.commit()
            try expect(try await store.content(of: sample.digest), is: sample.bytes, "the content")
        },
    ]

    static let refusals: [BlobStoreCheck] = [
        BlobStoreCheck("content of another digest is refused and never seen") { store in
            let promised = Sample(seed: 10, count: 4000)
            let sent = Sample(seed: 11, count: 4000)
            let error = BlobStoreError.digestMismatch(expected: promised.digest, actual: sent.digest)
            let ingest = try await store.beginIngest(of: promised.digest, expectedSize: 4000)
            try await ingest.append(sent.bytes)
            try await expect(throws: error) { try await ingest.verify() }
            try await expect(throws: error) { try await ingest.commit() }
            let other = try await store.beginIngest(of: promised.digest, expectedSize: nil)
            try await other.append(sent.bytes)
            try await expect(throws: error) { try await other.commit() }
            try expect(try await store.open(promised.digest) == nil, "the promised blob is absent")
            try expect(try await store.open(sent.digest) == nil, "the blob that was sent is absent")
        },
        BlobStoreCheck("content that ends early is refused, even where its digest is right") { store in
            let sample = Sample(seed: 12, count: 4000)
            let error = BlobStoreError.sizeMismatch(expected: 4001, actual: 4000)
            let ingest = try await store.beginIngest(of: sample.digest, expectedSize: 4001)
            try await ingest.append(sample.bytes)
            try await expect(throws: error) { try await ingest.commit() }
            try expect(try await store.open(sample.digest) == nil, "the blob is absent")
        },
        BlobStoreCheck("bytes beyond the expected size are refused as they are appended") { store in
            let sample = Sample(seed: 13, count: 4000)
            let ingest = try await store.beginIngest(of: sample.digest, expectedSize: 3999)
            try await expect(throws: BlobStoreError.sizeMismatch(expected: 3999, actual: 4000)) {
                try await ingest.append(sample.bytes)
            }
            try expect(ingest.reader.size, is: 0, "the size after a refusal")
        },
        BlobStoreCheck("an ingest that was given up is never seen, and takes nothing more") { store in
            let sample = Sample(seed: 14, count: 4000)
            let ingest = try await store.beginIngest(of: sample.digest, expectedSize: sample.size)
            try await ingest.append(sample.bytes)
            await ingest.abandon()
            await ingest.abandon()
            var isRefused = false
            do { try await ingest.commit() } catch { isRefused = true }
            try expect(isRefused, "an ingest that was given up cannot be committed")
            try expect(try await store.open(sample.digest) == nil, "the blob is absent")
            try expect(try await store.blobs().isEmpty, "the listing is empty")
        },
        BlobStoreCheck("giving up after the commit changes nothing") { store in
            let sample = Sample(seed: 15, count: 4000)
            let ingest = try await store.beginIngest(of: sample.digest, expectedSize: sample.size)
            try await ingest.append(sample.bytes)
            try await ingest.commit()
            await ingest.abandon()
            try expect(try await store.content(of: sample.digest), is: sample.bytes, "the content")
        },
    ]
}
