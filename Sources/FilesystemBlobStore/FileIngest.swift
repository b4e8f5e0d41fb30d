internal import BlobStore
internal import NIOCore
internal import OCI
internal import Synchronization

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// A blob being written to a file in `ingest/`, and hashed meanwhile on another thread.
final class FileIngest: BlobIngest {
    private enum Phase: Sendable {
        /// To ``verified``, ``committing`` or ``failed``.
        case open(IngestProgress)
        /// To ``committing`` or ``failed``.
        case verified(size: Int64)
        /// To ``committed`` or ``failed``.
        case committing
        case committed
        case failed(BlobStoreError)
    }

    let digest: Digest
    private let expectedSize: Int64?
    private let folder: BlobFolder
    private let file: OpenFile
    private let path: String
    private let length = FileLength(0)
    let reader: any BlobReader
    private let phase: Mutex<Phase>
    private struct Waiters: Sendable {
        /// Those who wait for the whole hash.
        var ends: [CheckedContinuation<Void, Never>] = []
        /// Those who write faster than can be hashed.
        var pacedWriters: [CheckedContinuation<Void, Never>] = []
    }
    private let waiters = Mutex(Waiters())
    /// Set by ``abandon()``, and looked at before the file gets a name: what was given up must not appear.
    private let isAbandoned = Atomic(false)

    init(digest: Digest, expectedSize: Int64?, folder: BlobFolder) throws(BlobStoreError) {
        self.digest = digest
        self.expectedSize = expectedSize
        self.folder = folder
        phase = Mutex(.open(IngestProgress(digest.algorithm)))
        (file, path) = try folder.createUnfinished()
        reader = FileReader(file: file, length: length, pool: folder.readers)
        guard let expectedSize, expectedSize > 0 else { return }
        // Asking first keeps an absurd size from taking all the room there is, if only for a moment.
        if let room = try? FileTree.room(at: path), room.total > 0, room.available < expectedSize { throw .full }
        try writing { () throws(SystemFailure) in try file.reserve(expectedSize) }
    }

    deinit {
        let isCommitted = phase.withLock { if case .committed = $0 { true } else { false } }
        guard !isCommitted else { return }
        // The reference to the file goes along: freeing the blocks of a large file takes a while.
        folder.keepers.later { [path, file] in
            withExtendedLifetime(file) { _ = try? FileTree.removeFile(path) }
        }
    }

    func write(_ bytes: ByteBuffer, at offset: Int64) async throws(BlobStoreError) -> Int64 {
        if isAbandoned.load(ordering: .acquiring) { throw .system(call: "write", errno: ECANCELED) }
        let end = offset + Int64(bytes.readableBytes)
        if let expectedSize, end > expectedSize { throw .sizeMismatch(expected: expectedSize, actual: end) }
        if hashing(\.isHashBehind) ?? false { await wait(in: \.pacedWriters, until: \.hasCaughtUp) }
        // What has arrived without a gap is hashed, or about to be: it stays as it is.
        let skipped = try progress { progress in
            progress.writerCount += 1
            return Int(min(max(0, progress.contiguous - offset), Int64(bytes.readableBytes)))
        }
        let new = bytes.getSlice(at: bytes.readerIndex + skipped, length: bytes.readableBytes - skipped) ?? ByteBuffer()
        let start = offset + Int64(skipped)
        do throws(BlobStoreError) {
            if new.readableBytes > 0 {
                try await folder.writers.run { [file] () throws(BlobStoreError) in
                    try new.withUnsafeReadableBytes { bytes throws(BlobStoreError) in
                        try writing { () throws(SystemFailure) in try file.write(bytes, at: start) }
                    }
                }
            }
        } catch {
            // What was written of these bytes does not count, and is written over by another attempt.
            _ = try progress { $0.writerCount -= 1 }
            throw error
        }
        let (contiguous, beginsHashing) = try progress { progress in
            progress.writerCount -= 1
            progress.insert(start..<start + Int64(new.readableBytes))
            length.grow(to: progress.contiguous)
            progress.keep(new, at: start)
            return (progress.contiguous, progress.beginHashing(minimumBytes: IngestProgress.hashBatchBytes))
        }
        if beginsHashing { folder.writers.later { self.hash() } }
        return contiguous
    }

    /// Hashes what has become contiguous, until there is no more of it. One thread at a time.
    private func hash() {
        do throws(BlobStoreError) {
            while var step = try progress({ $0.nextToHash(readLimitBytes: Self.readBytes) }) {
                if let bytes = step.bytes {
                    bytes.withUnsafeReadableBytes { step.hasher.update($0) }
                } else {
                    try update(&step.hasher, from: step.range.lowerBound, count: Int(step.range.count))
                }
                let hasCaughtUp = try progress { progress in
                    progress.endHashing(step.hasher, at: step.range.upperBound)
                    return progress.hasCaughtUp
                }
                if hasCaughtUp { resume(\.pacedWriters) }
            }
        } catch {
            phase.withLock { $0 = .failed(error) }
        }
        resume(\.pacedWriters)
        resume(\.ends)
    }

    /// Waits until everything that has arrived without a gap is hashed, or cannot be.
    private func waitForHash() async {
        // What was less than a batch.
        if hashing({ $0.beginHashing() }) ?? false { folder.writers.later { self.hash() } }
        await wait(in: \.ends) { !$0.isHashing }
    }

    /// Waits in one of the lists until `isOver`, or until nothing more is hashed.
    private func wait(
        in list: WritableKeyPath<Waiters, [CheckedContinuation<Void, Never>]>,
        until isOver: (IngestProgress) -> Bool
    ) async {
        while let isReached = hashing({ isOver($0) }), !isReached {
            await withCheckedContinuation { continuation in
                waiters.withLock { $0[keyPath: list].append(continuation) }
                // It may have come to that before this one came to wait.
                if hashing({ isOver($0) }) ?? true { resume(list) }
            }
        }
    }

    private func resume(_ list: WritableKeyPath<Waiters, [CheckedContinuation<Void, Never>]>) {
        for waiter in waiters.withLock({ $0[keyPath: list].take() }) { waiter.resume() }
    }

    /// What `look` says of an ingest that is written to; nil where it is no longer.
    private func hashing<Value>(_ look: (inout IngestProgress) -> Value) -> Value? {
        phase.withLock { phase in
            guard case .open(var progress) = phase else { return nil }
            // Taken out first, so that changing it copies nothing.
            phase = .committing
            defer { phase = .open(progress) }
            return look(&progress)
        }
    }

    private static let readBytes: Int64 = 1 << 20

    private func update(_ hasher: inout DigestHasher, from offset: Int64, count: Int) throws(BlobStoreError) {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: count, alignment: 16)
        defer { buffer.deallocate() }
        try reading { () throws(SystemFailure) in
            guard try file.read(into: buffer, at: offset) == count else {
                throw SystemFailure(call: "pread", code: EIO)
            }
        }
        hasher.update(UnsafeRawBufferPointer(buffer))
    }

    private func progress<Value>(
        _ change: (inout IngestProgress) -> Value
    ) throws(BlobStoreError) -> Value {
        try phase.withLock { (phase) throws(BlobStoreError) -> Value in
            switch phase {
            case .open(var progress):
                // Taken out first, so that changing it copies nothing.
                phase = .committing
                defer { phase = .open(progress) }
                return change(&progress)
            case .failed(let error): throw error
            case .verified, .committing, .committed: preconditionFailure("nothing is written after verification")
            }
        }
    }

    func verify() async throws(BlobStoreError) {
        await waitForHash()
        _ = try verifiedSize(next: { .verified(size: $0) })
    }

    func commit() async throws(BlobStoreError) {
        if case .committed = phase.withLock({ $0 }) { return }
        await waitForHash()
        let size = try verifiedSize(next: { _ in .committing })
        do throws(BlobStoreError) {
            try await folder.keepers.run { [self] () throws(BlobStoreError) in
                if isAbandoned.load(ordering: .acquiring) { throw .system(call: "commit", errno: ECANCELED) }
                try folder.commit(file, at: path, as: digest, size: size)
            }
        } catch {
            // Not tried again: after a failed fsync the kernel forgets what it could not write, and a second one would
            // succeed (https://wiki.postgresql.org/wiki/Fsync_Errors).
            phase.withLock { $0 = .failed(error) }
            throw error
        }
        phase.withLock { $0 = .committed }
    }

    func abandon() async {
        isAbandoned.store(true, ordering: .releasing)
        if case .committed = phase.withLock({ $0 }) { return }
        // A commit that has renamed the file leaves nothing to remove here.
        _ = try? await folder.keepers.run { [path] () throws(BlobStoreError) in
            try writing { () throws(SystemFailure) in try FileTree.removeFile(path) }
        }
    }

    /// Compares, and goes on to what `next` says where everything is right.
    private func verifiedSize(next: (Int64) -> Phase) throws(BlobStoreError) -> Int64 {
        try phase.withLock { (phase) throws(BlobStoreError) -> Int64 in
            switch phase {
            case .open(let progress):
                precondition(progress.isIdle, "an ingest is verified when nobody writes any longer")
                if let error = mismatch(progress) {
                    phase = .failed(error)
                    throw error
                }
                phase = next(progress.contiguous)
                return progress.contiguous
            case .verified(let size):
                phase = next(size)
                return size
            case .failed(let error): throw error
            case .committed: return length.bytes
            case .committing: preconditionFailure("an ingest is committed once")
            }
        }
    }

    private func mismatch(_ progress: IngestProgress) -> BlobStoreError? {
        if let expectedSize, progress.contiguous != expectedSize {
            return .sizeMismatch(expected: expectedSize, actual: progress.contiguous)
        }
        guard let actual = progress.digest else {
            return .sizeMismatch(expected: progress.end, actual: progress.contiguous)
        }
        return actual == digest ? nil : .digestMismatch(expected: digest, actual: actual)
    }
}

extension Array {
    fileprivate mutating func take() -> Self {
        defer { self = [] }
        return self
    }
}
