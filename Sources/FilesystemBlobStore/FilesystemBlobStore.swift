package import BlobStore
package import Logging
package import NIOCore
package import OCI
internal import Synchronization

/// Blobs as files under one directory, which one process at a time owns.
///
/// Layout and promises: docs/decisions/0003-store.md. Everything that may wait for a disk runs on threads of the
/// store's own.
package final class FilesystemBlobStore: BlobStore {
    private let folder: BlobFolder
    private let lock: Mutex<StoreLock?>
    private let rehashes = Mutex(RehashTable<CheckedContinuation<Void, Never>>())

    /// Which repository holds which manifest, in files beside the blobs.
    package let journal: FilesystemRepositoryJournal

    /// Takes the directory (creating it where it is missing), locks it, and sweeps what earlier runs left unfinished.
    ///
    /// Succeeds on a disk that is full or read-only as far as the directory exists: what is there can be read, and
    /// each write says what is wrong.
    /// - Parameter threadCount: threads that read, as many again that write, and half as many that tidy; 1 at least.
    /// - Throws: ``BlobStoreError/inUse(byProcess:)`` where another process holds it,
    ///   ``BlobStoreError/unsupportedLayout`` where another version of Weir laid it out.
    package static func open(
        directory: String, threadCount: Int = 4, logger: Logger
    ) async throws(BlobStoreError) -> FilesystemBlobStore {
        let layout = StoreLayout(root: directory)
        let readers = BlockingPool(threadCount: max(threadCount, 1))
        let writers = BlockingPool(threadCount: max(threadCount, 1))
        let keepers = BlockingPool(threadCount: max(threadCount / 2, 1))
        do {
            let lock = try await writers.run { () throws(BlobStoreError) in
                try StorePreparation(layout: layout, logger: logger).prepare()
            }
            let folder = BlobFolder(
                layout: layout, readers: readers, writers: writers, keepers: keepers, logger: logger)
            return FilesystemBlobStore(folder: folder, lock: lock)
        } catch {
            for pool in [readers, writers, keepers] { await pool.shutDown() }
            throw error
        }
    }

    private init(folder: BlobFolder, lock: StoreLock?) {
        self.folder = folder
        self.lock = Mutex(lock)
        journal = FilesystemRepositoryJournal(folder: folder)
    }

    /// Releases the lock and the threads. Readers stay usable.
    package func close() async {
        for pool in [folder.readers, folder.writers, folder.keepers] { await pool.shutDown() }
        lock.withLock { lock in
            lock?.release()
            lock = nil
        }
    }

    package func openAtHand(_ digest: Digest) -> (any BlobReader)? { folder.open.reader(of: digest) }

    package var writingExecutor: (any TaskExecutor)? { folder.writers }

    package func beginIngest(
        of digest: Digest, expectedSize: Int64?
    ) async throws(BlobStoreError) -> any BlobIngest {
        try await folder.writers.run { [folder] () throws(BlobStoreError) in
            try FileIngest(digest: digest, expectedSize: expectedSize, folder: folder)
        }
    }

    package func open(_ digest: Digest) async throws(BlobStoreError) -> (any BlobReader)? {
        // A file that is touched again and again while it is read counts as absent in the end.
        for _ in 0..<3 {
            let entry = try await folder.readers.run { [folder] () throws(BlobStoreError) in
                try folder.entry(of: digest)
            }
            switch entry {
            case .absent: return nil
            case .sealed(let file, let status):
                let reader = reader(of: file, size: status.size)
                folder.open.insert(reader, file, for: digest)
                return reader
            case .touched(let file, let status):
                // Only one reads it, and the others look again.
                if await waitForRehash(of: digest) { continue }
                let result = await rehash(file, status, of: digest)
                for waiter in rehashes.withLock({ $0.finish(digest) }) { waiter.resume() }
                return try result.get() ? reader(of: file, size: status.size) : nil
            case .foreign:
                try await folder.keepers.run { [folder] () throws(BlobStoreError) in folder.discard(digest, nil) }
                return nil
            }
        }
        return nil
    }

    package func read(_ digest: Digest, limitBytes: Int) async throws(BlobStoreError) -> ByteBuffer? {
        let found = try await folder.readers.run { [folder] () throws(BlobStoreError) -> ByteBuffer?? in
            switch try folder.entry(of: digest) {
            case .absent: return .some(nil)
            case .sealed(let file, let status):
                guard status.size <= Int64(limitBytes) else { return .some(nil) }
                return try FileReader.read(file, at: 0, count: Int(status.size))
            case .touched, .foreign: return nil
            }
        }
        if let found { return found }
        guard let reader = try await open(digest), reader.size <= Int64(limitBytes) else { return nil }
        return try await reader.read(at: 0, length: Int(reader.size))
    }

    /// Returns false at once where nobody reads the file; the caller does then, and tells those who wait.
    private func waitForRehash(of digest: Digest) async -> Bool {
        if rehashes.withLock({ $0.begin(digest) }) { return false }
        await withCheckedContinuation { continuation in
            let isOver = rehashes.withLock { !$0.wait(for: digest, continuation) }
            if isOver { continuation.resume() }
        }
        return true
    }

    /// Reads a file whole that was touched: seals it again where it is sound, else removes it.
    private func rehash(_ file: OpenFile, _ status: FileStatus, of digest: Digest) async -> Result<Bool, BlobStoreError>
    {
        do {
            let (actual, size) = try await folder.digest(of: file, digest.algorithm)
            let isSound = actual == digest && size == status.size
            try await folder.keepers.run { [folder] () throws(BlobStoreError) in
                if isSound { folder.sealAgain(file, status, as: digest) } else { folder.discard(digest, status) }
            }
            return .success(isSound)
        } catch {
            return .failure(error)
        }
    }

    private func reader(of file: OpenFile, size: Int64) -> FileReader {
        FileReader(file: file, length: FileLength(size), pool: folder.readers)
    }

    @discardableResult
    package func remove(_ digest: Digest) async throws(BlobStoreError) -> Int64 {
        try await folder.keepers.run { [folder] () throws(BlobStoreError) in try folder.remove(digest, ifStill: nil) }
    }

    package func blobs() async throws(BlobStoreError) -> [StoredBlob] {
        var blobs: [StoredBlob] = []
        for algorithm in Digest.Algorithm.allCases {
            let shards = try await folder.readers.run { [folder] () throws(BlobStoreError) in
                try BlobListing(layout: folder.layout).shards(of: algorithm)
            }
            for shard in shards {
                blobs += try await folder.readers.run { [folder] () throws(BlobStoreError) in
                    try BlobListing(layout: folder.layout).blobs(in: shard, of: algorithm)
                }
            }
        }
        return blobs
    }

    package func verify(_ digest: Digest) async throws(BlobStoreError) -> BlobCondition {
        let entry = try await folder.readers.run { [folder] () throws(BlobStoreError) in try folder.entry(of: digest) }
        switch entry {
        case .absent, .foreign: return .missing
        case .sealed(let file, _), .touched(let file, _):
            let (actual, size) = try await folder.digest(of: file, digest.algorithm)
            return actual == digest ? .sound(size: size) : .altered(actual: actual)
        }
    }

    package func capacity() async throws(BlobStoreError) -> StoreCapacity {
        try await folder.readers.run { [folder] () throws(BlobStoreError) in
            let room = try reading { () throws(SystemFailure) in try FileTree.room(at: folder.layout.root) }
            return StoreCapacity(totalBytes: room.total, availableBytes: room.available)
        }
    }
}
