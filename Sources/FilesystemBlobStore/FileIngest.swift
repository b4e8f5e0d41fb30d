internal import BlobStore
internal import NIOCore
internal import OCI
internal import Synchronization

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// A blob being written to a file in `ingest/`, hashed on the thread that writes it.
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
    private let phase: Mutex<Phase>
    /// Set by ``abandon()``, and looked at before the file gets a name: what was given up must not appear.
    private let isAbandoned = Atomic(false)

    init(digest: Digest, expectedSize: Int64?, folder: BlobFolder) throws(BlobStoreError) {
        self.digest = digest
        self.expectedSize = expectedSize
        self.folder = folder
        phase = Mutex(.open(IngestProgress(digest.algorithm)))
        (file, path) = try folder.createUnfinished()
        guard let expectedSize, expectedSize > 0 else { return }
        // Asking first keeps an absurd size from taking all the room there is, if only for a moment.
        if let room = try? FileTree.room(at: path), room.total > 0, room.available < expectedSize { throw .full }
        try writing { () throws(SystemFailure) in try file.reserve(expectedSize) }
    }

    deinit {
        let isCommitted = phase.withLock { if case .committed = $0 { true } else { false } }
        guard !isCommitted else { return }
        // The reference to the file goes along: freeing the blocks of a large file takes a while.
        folder.writers.later { [path, file] in
            withExtendedLifetime(file) { _ = try? FileTree.removeFile(path) }
        }
    }

    var reader: any BlobReader { FileReader(file: file, length: length, pool: folder.readers) }

    func write(_ bytes: ByteBuffer, at offset: Int64) async throws(BlobStoreError) -> Int64 {
        if isAbandoned.load(ordering: .acquiring) { throw .system(call: "write", errno: ECANCELED) }
        let end = offset + Int64(bytes.readableBytes)
        if let expectedSize, end > expectedSize { throw .sizeMismatch(expected: expectedSize, actual: end) }
        _ = try progress { $0.writerCount += 1 }
        do throws(BlobStoreError) {
            try await folder.writers.run { [self] () throws(BlobStoreError) in
                try bytes.withUnsafeReadableBytes { bytes throws(BlobStoreError) in
                    try writing { () throws(SystemFailure) in try file.write(bytes, at: offset) }
                    try progress { progress in
                        progress.insert(offset..<end)
                        length.grow(to: progress.contiguous)
                    }
                    try hash(bytes, from: offset)
                }
            }
        } catch {
            // What was written of these bytes does not count, and is written over by another attempt.
            _ = try progress { $0.writerCount -= 1 }
            throw error
        }
        return try progress { progress in
            progress.writerCount -= 1
            return progress.contiguous
        }
    }

    /// Hashes what has become contiguous, unless another writer is at it, who then takes this along. The bytes just
    /// written are at hand; those of other writers are read from the file.
    private func hash(_ bytes: UnsafeRawBufferPointer, from start: Int64) throws(BlobStoreError) {
        while let (hasher, range) = try progress({ $0.beginHashing() }) {
            var hasher = hasher
            var offset = range.lowerBound
            defer { _ = try? progress { $0.endHashing(hasher, at: offset) } }
            while offset < range.upperBound {
                let end: Int64
                if offset >= start, offset < start + Int64(bytes.count) {
                    end = min(range.upperBound, start + Int64(bytes.count))
                    hasher.update(UnsafeRawBufferPointer(rebasing: bytes[Int(offset - start)..<Int(end - start)]))
                } else {
                    end = min(range.upperBound, offset + Self.readBytes, offset < start ? start : .max)
                    try update(&hasher, from: offset, count: Int(end - offset))
                }
                offset = end
            }
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

    func verify() async throws(BlobStoreError) { _ = try verifiedSize(next: { .verified(size: $0) }) }

    func commit() async throws(BlobStoreError) {
        if case .committed = phase.withLock({ $0 }) { return }
        let size = try verifiedSize(next: { _ in .committing })
        do throws(BlobStoreError) {
            try await folder.writers.run { [self] () throws(BlobStoreError) in
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
        _ = try? await folder.writers.run { [path] () throws(BlobStoreError) in
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
