internal import BlobStore
internal import NIOCore
internal import OCI

/// Where a fill's bytes go: into the store, or past it where the store cannot take them.
struct FillSink {
    private enum Target {
        case store(any BlobIngest)
        /// The disk is full or read-only: the readers get the bytes, and nothing is kept.
        case window(DigestHasher)
    }

    private let fill: Fill
    private let store: any BlobStore
    private let room: StoreRoom
    private let expectedSize: Int64?
    private var target: Target?

    init(
        fill: Fill, store: any BlobStore, expectedSize: Int64?, room: StoreRoom
    ) {
        self.fill = fill
        self.store = store
        self.expectedSize = expectedSize
        self.room = room
    }

    /// Why nothing is kept; nil where it is.
    private(set) var refusal: BlobStoreError?

    mutating func append(_ bytes: ByteBuffer) async throws {
        if let expectedSize, fill.written + Int64(bytes.readableBytes) > expectedSize {
            throw CacheError.sizeMismatch(
                expected: expectedSize, actual: fill.written + Int64(bytes.readableBytes))
        }
        switch try await openTarget() {
        case .store(let ingest):
            do {
                try await ingest.append(bytes)
                fill.advance(by: bytes.readableBytes, in: ingest.reader)
            } catch {
                try await bypass(ingest, because: error, with: bytes)
            }
        case .window(var hasher):
            bytes.withUnsafeReadableBytes { hasher.update($0) }
            target = .window(hasher)
            try await fill.append(toWindow: bytes)
        }
    }

    /// Compares everything that was appended with the digest.
    mutating func verify() async throws {
        switch try await openTarget() {
        case .store(let ingest):
            do {
                try await ingest.verify()
            } catch {
                throw CacheError(error)
            }
        case .window(let hasher):
            let actual = hasher.finalize()
            guard actual == fill.digest else {
                throw CacheError.digestMismatch(expected: fill.digest, actual: actual)
            }
        }
    }

    /// Makes the blob visible in the store; returns false where it was only passed through.
    func commit() async throws(BlobStoreError) -> Bool {
        guard case .store(let ingest) = target else { return false }
        try await ingest.commit()
        return true
    }

    func abandon() async {
        if case .store(let ingest) = target { await ingest.abandon() }
    }

    /// What the disk has yet to take; a guess of 64 MiB where nobody said how much comes.
    private var missingBytes: Int64 { expectedSize.map { $0 - fill.written } ?? 64 << 20 }

    private mutating func openTarget() async throws -> Target {
        if let target { return target }
        let opened: Target
        do {
            opened = .store(try await beginIngest())
        } catch {
            refusal = error
            opened = .window(DigestHasher(fill.digest.algorithm))
        }
        target = opened
        return opened
    }

    private func beginIngest() async throws(BlobStoreError) -> any BlobIngest {
        // What could not stay anyway must not drive everything else out.
        if let expectedSize { guard await room.allows(expectedSize) else { throw .full } }
        do {
            return try await store.beginIngest(of: fill.digest, expectedSize: expectedSize)
        } catch .full {
            guard await room.make(missingBytes) else { throw .full }
            return try await store.beginIngest(of: fill.digest, expectedSize: expectedSize)
        } catch {
            throw error
        }
    }

    /// Goes on without the store after it refused `bytes`. What it has taken stays readable there.
    private mutating func bypass(
        _ ingest: any BlobIngest, because error: BlobStoreError, with bytes: ByteBuffer
    ) async throws {
        switch error {
        case .digestMismatch, .sizeMismatch: throw CacheError(error)
        case .full:
            if await room.make(missingBytes) {
                do {
                    try await ingest.append(bytes)
                    fill.advance(by: bytes.readableBytes, in: ingest.reader)
                    return
                } catch {}
            }
        case .readOnly, .inUse, .unsupportedLayout, .system: break
        }
        refusal = error
        var hasher = DigestHasher(fill.digest.algorithm)
        var offset: Int64 = 0
        while offset < fill.written {
            let length = Int(min(fill.written - offset, 1 << 20))
            let chunk: ByteBuffer
            do { chunk = try await ingest.reader.read(at: offset, length: length) } catch { throw CacheError(error) }
            guard chunk.readableBytes > 0 else { throw CacheError.storage("the ingest lost what it had taken") }
            chunk.withUnsafeReadableBytes { hasher.update($0) }
            offset += Int64(chunk.readableBytes)
        }
        bytes.withUnsafeReadableBytes { hasher.update($0) }
        target = .window(hasher)
        // Its name goes, so that nothing is left behind; the readers keep it open.
        await ingest.abandon()
        try await fill.append(toWindow: bytes)
    }
}
