package import BlobStore
package import Logging
package import OCI
internal import Synchronization

/// Blobs as files under one directory, which one process at a time owns.
///
/// Layout and promises: docs/decisions/0003-store.md. Everything that may wait for a disk runs on threads of the
/// store's own.
package final class FilesystemBlobStore: BlobStore {
    private let folder: BlobFolder
    private let lock: Mutex<StoreLock?>

    /// Which repository holds which manifest, in files beside the blobs.
    package let journal: FilesystemRepositoryJournal

    /// Takes the directory (creating it where it is missing), locks it, and sweeps what earlier runs left unfinished.
    ///
    /// Succeeds on a disk that is full or read-only as far as the directory exists: what is there can be read, and
    /// each write says what is wrong.
    /// - Parameter threadCount: threads that wait for the disk; 1 at least.
    /// - Throws: ``BlobStoreError/inUse(byProcess:)`` where another process holds it,
    ///   ``BlobStoreError/unsupportedLayout`` where another version of Weir laid it out.
    package static func open(
        directory: String, threadCount: Int = 4, logger: Logger
    ) async throws(BlobStoreError) -> FilesystemBlobStore {
        let pool = BlockingPool(threadCount: max(threadCount, 1))
        let layout = StoreLayout(root: directory)
        do {
            let lock = try await pool.run { () throws(BlobStoreError) in
                try StorePreparation(layout: layout, logger: logger).prepare()
            }
            return FilesystemBlobStore(layout: layout, pool: pool, lock: lock, logger: logger)
        } catch {
            await pool.shutDown()
            throw error
        }
    }

    private init(layout: StoreLayout, pool: BlockingPool, lock: StoreLock?, logger: Logger) {
        folder = BlobFolder(layout: layout, pool: pool, logger: logger)
        self.lock = Mutex(lock)
        journal = FilesystemRepositoryJournal(folder: folder)
    }

    /// Releases the lock and the threads. Readers stay usable.
    package func close() async {
        await folder.pool.shutDown()
        lock.withLock { $0 = nil }
    }

    package func beginIngest(
        of digest: Digest, expectedSize: Int64?
    ) async throws(BlobStoreError) -> any BlobIngest {
        try await folder.pool.run { [folder] () throws(BlobStoreError) in
            try FileIngest(digest: digest, expectedSize: expectedSize, folder: folder)
        }
    }

    package func open(_ digest: Digest) async throws(BlobStoreError) -> (any BlobReader)? {
        let entry = try await folder.pool.run { [folder] () throws(BlobStoreError) in try folder.entry(of: digest) }
        switch entry {
        case .absent: return nil
        case .sealed(let file, let status): return reader(of: file, size: status.size)
        case .touched(let file, let status):
            let (actual, size) = try await folder.digest(of: file, digest.algorithm)
            let isSound = actual == digest && size == status.size
            try await folder.pool.run { [folder] () throws(BlobStoreError) in
                if isSound {
                    folder.sealAgain(file, status, as: digest)
                } else {
                    folder.discard(digest, status)
                }
            }
            return isSound ? reader(of: file, size: size) : nil
        case .foreign:
            try await folder.pool.run { [folder] () throws(BlobStoreError) in folder.discard(digest, nil) }
            return nil
        }
    }

    private func reader(of file: OpenFile, size: Int64) -> FileReader {
        FileReader(file: file, length: FileLength(size), pool: folder.pool)
    }

    @discardableResult
    package func remove(_ digest: Digest) async throws(BlobStoreError) -> Int64 {
        try await folder.pool.run { [folder] () throws(BlobStoreError) in try folder.remove(digest, ifStill: nil) }
    }

    package func blobs() async throws(BlobStoreError) -> [StoredBlob] {
        var blobs: [StoredBlob] = []
        for algorithm in Digest.Algorithm.allCases {
            let shards = try await folder.pool.run { [folder] () throws(BlobStoreError) in
                try BlobListing(layout: folder.layout).shards(of: algorithm)
            }
            for shard in shards {
                blobs += try await folder.pool.run { [folder] () throws(BlobStoreError) in
                    try BlobListing(layout: folder.layout).blobs(in: shard, of: algorithm)
                }
            }
        }
        return blobs
    }

    package func verify(_ digest: Digest) async throws(BlobStoreError) -> BlobCondition {
        let entry = try await folder.pool.run { [folder] () throws(BlobStoreError) in try folder.entry(of: digest) }
        switch entry {
        case .absent, .foreign: return .missing
        case .sealed(let file, _), .touched(let file, _):
            let (actual, size) = try await folder.digest(of: file, digest.algorithm)
            return actual == digest ? .sound(size: size) : .altered(actual: actual)
        }
    }

    package func capacity() async throws(BlobStoreError) -> StoreCapacity {
        try await folder.pool.run { [folder] () throws(BlobStoreError) in
            let room = try reading { () throws(SystemFailure) in try FileTree.room(at: folder.layout.root) }
            return StoreCapacity(totalBytes: room.total, availableBytes: room.available)
        }
    }
}
