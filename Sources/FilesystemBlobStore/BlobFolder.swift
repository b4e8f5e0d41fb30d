internal import BlobStore
internal import Logging
internal import NIOCore
internal import OCI
internal import Synchronization

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// The files under `blobs/` and `ingest/`, and what has to be kept in order among them. All functions that do not
/// suspend block: they run on the pools.
final class BlobFolder: Sendable {
    let layout: StoreLayout
    /// For what clients wait for when nothing has to be fetched.
    let readers: BlockingPool
    /// For fills: they write here, and run here as a whole. Apart from the other, so that fills on a slow disk never
    /// stand in the way of a hit.
    let writers: BlockingPool
    /// For what waits for the disk at length: `fsync`, removing, reading files whole. Fills go on meanwhile.
    let keepers: BlockingPool
    let logger: Logger
    let open = OpenBlobs()

    /// Held while a blob's name is given, or taken away after a look at what it names: otherwise an altered file's
    /// removal could hit the sound one that was just committed in its place.
    private let naming = Mutex<Void>(())
    /// Files that were found sound and could not be sealed again, as they were then. Bounded.
    private let soundUnsealed = Mutex<[Digest: FileStatus]>([:])
    private static let soundUnsealedLimit = 65_536

    /// Folders known to have reached the disk with all folders above them.
    private let durableFolders = Mutex<Set<String>>([])

    init(
        layout: StoreLayout, readers: BlockingPool, writers: BlockingPool, keepers: BlockingPool, logger: Logger
    ) {
        self.layout = layout
        self.readers = readers
        self.writers = writers
        self.keepers = keepers
        self.logger = logger
    }

    // MARK: Writing

    /// Creates a file in `ingest/`, and the folder if somebody removed it.
    func createUnfinished() throws(BlobStoreError) -> (file: OpenFile, path: String) {
        try writing { () throws(SystemFailure) in
            let path = layout.unfinishedFile()
            do throws(SystemFailure) {
                return (try OpenFile(path, O_RDWR | O_CREAT | O_EXCL, mode: 0o600), path)
            } catch {
                guard error.code == ENOENT else { throw error }
                try FileTree.createFolders(layout.ingest)
                return (try OpenFile(path, O_RDWR | O_CREAT | O_EXCL, mode: 0o600), path)
            }
        }
    }

    /// Makes a whole and verified file visible as `digest`, and durable.
    func commit(_ file: OpenFile, at path: String, as digest: Digest, size: Int64) throws(BlobStoreError) {
        try writing { () throws(SystemFailure) in
            try Seal(digest: digest, size: size).apply(to: file)
            try file.synchronize()
            let folder = layout.folder(of: digest)
            try makeDurable(folder)
            try name(path, as: digest, in: folder)
            try FileTree.synchronizeFolder(folder)
        }
    }

    private func name(_ path: String, as digest: Digest, in folder: String) throws(SystemFailure) {
        let target = layout.file(of: digest)
        try naming.withLock { (_) throws(SystemFailure) in
            do throws(SystemFailure) {
                try FileTree.move(path, to: target)
            } catch {
                switch error.code {
                case EISDIR, ENOTEMPTY, EEXIST:
                    guard FileTree.removeEmptyFolder(target) else { throw error }
                case ENOENT:
                    // Somebody removed the folder behind our back, or the unfinished file, which then fails again.
                    durableFolders.withLock { _ = $0.remove(folder) }
                    try makeDurable(folder)
                default: throw error
                }
                try FileTree.move(path, to: target)
            }
        }
    }

    /// Creates a blob's folder and those above it, and has each reach the disk in the one above, once in the life of
    /// a process: that a folder is there does not tell that whoever created it was done with that.
    private func makeDurable(_ folder: String) throws(SystemFailure) {
        guard !durableFolders.withLock({ $0.contains(folder) }) else { return }
        try FileTree.createFolders(folder)
        var path = folder[...]
        while path.count > layout.root.count, let slash = path.lastIndex(of: "/") {
            path = path[..<slash]
            try FileTree.synchronizeFolder(String(path))
        }
        durableFolders.withLock { _ = $0.insert(folder) }
    }

    // MARK: Reading

    /// What stands under a digest's name.
    enum Entry: Sendable {
        case absent
        /// As it was committed, by its seal, or as it was found sound.
        case sealed(OpenFile, FileStatus)
        /// A file that was touched since, or that no seal was put on.
        case touched(OpenFile, FileStatus)
        /// A folder, a symbolic link, or another thing that is no blob.
        case foreign
    }

    func entry(of digest: Digest) throws(BlobStoreError) -> Entry {
        let file: OpenFile
        do {
            file = try OpenFile(layout.file(of: digest), O_RDONLY)
        } catch {
            switch error.code {
            case ENOENT, ENOTDIR: return .absent
            // A symbolic link; a socket, or a device without a driver.
            case ELOOP, ENXIO, ENODEV: return .foreign
            default: throw error.reading
            }
        }
        let status = try reading { () throws(SystemFailure) in try file.status() }
        guard status.kind == .file else { return .foreign }
        if Seal(digest: digest, size: status.size).isIntact(status) { return .sealed(file, status) }
        return soundUnsealed.withLock { $0[digest] == status } ? .sealed(file, status) : .touched(file, status)
    }

    /// Reads a file whole. In pieces, between which others have their turn on the threads.
    func digest(of file: OpenFile, _ algorithm: Digest.Algorithm) async throws(BlobStoreError) -> (Digest, Int64) {
        var progress = (hasher: DigestHasher(algorithm), offset: Int64(0), isAtEnd: false)
        while !progress.isAtEnd {
            let before = progress
            progress = try await keepers.run { () throws(BlobStoreError) in
                try reading { () throws(SystemFailure) in
                    var (hasher, offset, isAtEnd) = before
                    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 256 << 10, alignment: 64)
                    defer { buffer.deallocate() }
                    for _ in 0..<16 where !isAtEnd {
                        let count = try file.read(into: buffer, at: offset)
                        hasher.update(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
                        offset += Int64(count)
                        isAtEnd = count < buffer.count
                    }
                    return (hasher, offset, isAtEnd)
                }
            }
        }
        return (progress.hasher.finalize(), progress.offset)
    }

    /// Seals again a file that was found sound, provided that nothing touched it since `status` was taken: before
    /// it was read.
    func sealAgain(_ file: OpenFile, _ status: FileStatus, as digest: Digest) {
        do {
            guard try file.status() == status else { return }
            try Seal(digest: digest, size: status.size).apply(to: file)
        } catch {
            // As on a file system that cannot be written to. The time of change, which nobody can set, stands in.
            logger.debug("a blob's file could not be sealed again", metadata: ["digest": "\(digest)"])
            soundUnsealed.withLock { known in
                if known.count >= Self.soundUnsealedLimit { known.removeAll() }
                known[digest] = status
            }
        }
    }

    // MARK: Removing

    /// Removes what stands under a digest's name if that is still `status`, or whatever it is where nil is given;
    /// returns the bytes of the file.
    func remove(_ digest: Digest, ifStill status: FileStatus?) throws(BlobStoreError) -> Int64 {
        let path = layout.file(of: digest)
        defer { open.remove(digest) }
        return try naming.withLock { (_) throws(BlobStoreError) -> Int64 in
            let found: FileStatus
            do throws(SystemFailure) {
                found = try FileStatus(of: path)
            } catch {
                if error.isAbsence { return 0 }
                throw error.reading
            }
            if let status, !status.isSameFile(as: found) { return 0 }
            if found.kind == .folder {
                FileTree.removeEmptyFolder(path)
                return 0
            }
            let isRemoved = try writing { () throws(SystemFailure) in try FileTree.removeFile(path) }
            return isRemoved && found.kind == .file ? found.size : 0
        }
    }

    /// Removes what was found not to be the blob that its name says. Where that fails it stays, and counts as absent.
    func discard(_ digest: Digest, _ status: FileStatus?) {
        do {
            let freed = try remove(digest, ifStill: status)
            logger.warning(
                "a blob's file was altered and has been removed",
                metadata: ["digest": "\(digest)", "bytes": "\(freed)"])
        } catch {
            logger.warning(
                "a blob's file was altered and cannot be removed",
                metadata: ["digest": "\(digest)", "error": "\(error)"])
        }
    }
}
