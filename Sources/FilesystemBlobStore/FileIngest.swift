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
    /// What has been appended.
    private struct Progress: Sendable {
        var hasher: DigestHasher
        var size: Int64
    }

    private enum Phase: Sendable {
        /// To ``working`` and back, to ``verified`` or ``failed``.
        case idle(Progress)
        /// An append or a commit is on its way, and brings the next phase.
        case working
        /// To ``committed`` or ``failed``.
        case verified(size: Int64)
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
        phase = Mutex(.idle(Progress(hasher: DigestHasher(digest.algorithm), size: 0)))
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

    func append(_ bytes: ByteBuffer) async throws(BlobStoreError) {
        if isAbandoned.load(ordering: .acquiring) { throw .system(call: "append", errno: ECANCELED) }
        let progress = try phase.withLock { (phase) throws(BlobStoreError) -> Progress in
            switch phase {
            case .idle(let progress):
                phase = .working
                return progress
            case .failed(let error): throw error
            case .working: preconditionFailure("an ingest has one writer at a time")
            case .verified, .committed: preconditionFailure("nothing is appended after verification")
            }
        }
        let size = progress.size + Int64(bytes.readableBytes)
        if let expectedSize, size > expectedSize {
            phase.withLock { $0 = .idle(progress) }
            throw .sizeMismatch(expected: expectedSize, actual: size)
        }
        let next: Progress
        do throws(BlobStoreError) {
            next = try await folder.writers.run { [file] () throws(BlobStoreError) in
                var next = progress
                try bytes.withUnsafeReadableBytes { bytes throws(BlobStoreError) in
                    try writing { () throws(SystemFailure) in try file.write(bytes, at: progress.size) }
                    next.hasher.update(bytes)
                }
                next.size = size
                return next
            }
        } catch {
            // What was written of these bytes lies beyond the size, and is written over by another attempt.
            phase.withLock { $0 = .idle(progress) }
            throw error
        }
        length.grow(to: size)
        phase.withLock { $0 = .idle(next) }
    }

    func verify() async throws(BlobStoreError) { _ = try verifiedSize(next: { .verified(size: $0) }) }

    func commit() async throws(BlobStoreError) {
        if case .committed = phase.withLock({ $0 }) { return }
        let size = try verifiedSize(next: { _ in .working })
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
            case .idle(let progress):
                if let error = mismatch(progress) {
                    phase = .failed(error)
                    throw error
                }
                phase = next(progress.size)
                return progress.size
            case .verified(let size):
                phase = next(size)
                return size
            case .failed(let error): throw error
            case .committed: return length.bytes
            case .working: preconditionFailure("an ingest has one writer at a time")
            }
        }
    }

    private func mismatch(_ progress: Progress) -> BlobStoreError? {
        if let expectedSize, progress.size != expectedSize {
            return .sizeMismatch(expected: expectedSize, actual: progress.size)
        }
        let actual = progress.hasher.finalize()
        return actual == digest ? nil : .digestMismatch(expected: digest, actual: actual)
    }
}
