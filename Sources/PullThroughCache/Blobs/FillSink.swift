internal import BlobStore
internal import NIOCore
internal import OCI
internal import Synchronization

/// Where a fill's bytes go: into the store, or past it where the store cannot take them.
final class FillSink: Sendable {
    /// Why a blob is passed through without being stored.
    enum Refusal: Error, CustomStringConvertible {
        case largerThanLimit(bytes: Int64)
        case store(BlobStoreError)

        var description: String {
            switch self {
            case .largerThanLimit(let bytes): "the blob has \(bytes) bytes, more than 'storage.limit' allows"
            case .store(let error): error.description
            }
        }
    }

    /// The store refused bytes while several transfers wrote. Past it they can only go in order.
    struct NotInOrder: Error {}

    private enum Target {
        case store(any BlobIngest)
        /// The disk is full or read-only: the readers get the bytes, and nothing is kept.
        case window(DigestHasher)
    }

    private let fill: Fill
    private let store: any BlobStore
    private let room: StoreRoom
    private let expectedSize: Int64?
    private struct State: Sendable {
        var target: Target?
        var refusal: Refusal?
        var isShared = false
    }

    private let state = Mutex(State())

    init(
        fill: Fill, store: any BlobStore, expectedSize: Int64?, room: StoreRoom
    ) {
        self.fill = fill
        self.store = store
        self.expectedSize = expectedSize
        self.room = room
    }

    /// Why nothing is kept; nil where it is.
    var refusal: Refusal? { state.withLock { $0.refusal } }

    /// Whether several transfers write.
    var isShared: Bool {
        get { state.withLock { $0.isShared } }
        set { state.withLock { $0.isShared = newValue } }
    }

    /// Whether the store takes the bytes. Only then may they come in any order.
    var isStoring: Bool {
        state.withLock { if case .store = $0.target { true } else { false } }
    }

    /// Takes `bytes` of the blob at `offset`; in order where it does not take any.
    func write(_ bytes: ByteBuffer, at offset: Int64) async throws {
        if let expectedSize, offset + Int64(bytes.readableBytes) > expectedSize {
            throw CacheError.sizeMismatch(expected: expectedSize, actual: offset + Int64(bytes.readableBytes))
        }
        switch try await openTarget() {
        case .store(let ingest):
            do {
                fill.advance(to: try await ingest.write(bytes, at: offset), in: ingest.reader)
            } catch {
                try await refused(by: ingest, because: error, bytes, at: offset)
            }
        case .window(let hasher): try await pass(bytes, at: offset, hasher: hasher)
        }
    }

    /// Gives to the readers, past the store, what of `bytes` they do not have yet.
    private func pass(_ bytes: ByteBuffer, at offset: Int64, hasher: DigestHasher) async throws {
        guard offset <= fill.written else { throw NotInOrder() }
        var bytes = bytes
        bytes.moveReaderIndex(forwardBy: Int(min(max(0, fill.written - offset), Int64(bytes.readableBytes))))
        guard bytes.readableBytes > 0 else { return }
        var hasher = hasher
        bytes.withUnsafeReadableBytes { hasher.update($0) }
        state.withLock { [hasher] in $0.target = .window(hasher) }
        try await fill.append(toWindow: bytes)
    }

    /// Compares everything that was written with the digest.
    func verify() async throws {
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
        guard case .store(let ingest) = state.withLock({ $0.target }) else { return false }
        try await ingest.commit()
        return true
    }

    func abandon() async {
        if case .store(let ingest) = state.withLock({ $0.target }) { await ingest.abandon() }
    }

    /// The blob's size, from whoever knows it: the upstream says it with the first byte where no manifest did.
    private var size: Int64? { expectedSize ?? fill.announcedSize }

    /// What the disk has yet to take; a guess of 64 MiB where nobody said how much comes.
    private var missingBytes: Int64 { size.map { $0 - fill.written } ?? 64 << 20 }

    /// Called by one transfer before others join it.
    private func openTarget() async throws -> Target {
        if let target = state.withLock({ $0.target }) { return target }
        do {
            let opened = Target.store(try await beginIngest())
            state.withLock { $0.target = opened }
            return opened
        } catch {
            let opened = Target.window(DigestHasher(fill.digest.algorithm))
            state.withLock { state in
                state.refusal = error
                state.target = opened
            }
            return opened
        }
    }

    private func beginIngest() async throws(Refusal) -> any BlobIngest {
        // What could not stay anyway must not drive everything else out.
        let size = size
        if let size, await !room.allows(size) { throw .largerThanLimit(bytes: size) }
        do throws(BlobStoreError) {
            do throws(BlobStoreError) {
                return try await store.beginIngest(of: fill.digest, expectedSize: size)
            } catch {
                guard error == .full, await room.make(missingBytes) else { throw error }
                return try await store.beginIngest(of: fill.digest, expectedSize: size)
            }
        } catch {
            throw .store(error)
        }
    }

    /// Goes on without the store after it refused `bytes`. What it has taken stays readable there.
    private func refused(
        by ingest: any BlobIngest, because error: BlobStoreError, _ bytes: ByteBuffer, at offset: Int64
    ) async throws {
        switch error {
        case .digestMismatch, .sizeMismatch: throw CacheError(error)
        case .full:
            if await room.make(missingBytes), let contiguous = try? await ingest.write(bytes, at: offset) {
                fill.advance(to: contiguous, in: ingest.reader)
                return
            }
        case .readOnly, .inUse, .unsupportedLayout, .system: break
        }
        guard !isShared, offset <= fill.written else { throw NotInOrder() }
        let hasher = try await hash(of: ingest)
        state.withLock { state in
            state.refusal = .store(error)
            state.target = .window(hasher)
        }
        // Its name goes, so that nothing is left behind; the readers keep it open.
        await ingest.abandon()
        try await pass(bytes, at: offset, hasher: hasher)
    }

    /// The hash of everything that the store has taken without a gap.
    private func hash(of ingest: any BlobIngest) async throws -> DigestHasher {
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
        return hasher
    }
}
