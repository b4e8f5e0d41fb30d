internal import BlobStore
internal import Logging

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// That one process at a time owns a store's folder: a lock on its `lock` file, which holds the owner's process id.
struct StoreLock: Sendable {
    private let file: OpenFile

    /// Returns nil, and says so in the log, where the file system allows no lock: what can be read there is served all
    /// the same.
    /// - Throws: ``BlobStoreError/inUse(byProcess:)``.
    static func take(_ layout: StoreLayout, logger: Logger) throws(BlobStoreError) -> StoreLock? {
        let attempt: Attempt
        do {
            attempt = try Self.attempt(layout)
        } catch {
            guard error.isRefusal || error.isLackOfRoom || error.code == ENOENT || error.code == ENOLCK else {
                throw error.reading
            }
            logger.warning(
                "the store's folder cannot be locked; make sure that no other process uses it",
                metadata: ["path": "\(layout.lockFile)", "errno": "\(error.code)"])
            return nil
        }
        switch attempt {
        case .taken(let file): return StoreLock(file: file)
        case .held(let process): throw .inUse(byProcess: process)
        }
    }

    /// Lets others take it at once. Closing the file alone would leave it held for as long as a child process, between
    /// its fork and its exec, has the descriptor as well.
    func release() { flock(file.descriptor, LOCK_UN) }

    private enum Attempt {
        case taken(OpenFile)
        case held(byProcess: Int32?)
    }

    private static func attempt(_ layout: StoreLayout) throws(SystemFailure) -> Attempt {
        for _ in 0..<16 {
            let file = try open(layout)
            guard try file.lock() else { return .held(byProcess: owner(in: file)) }
            // Somebody may have removed or replaced the file between the two calls: lock the one that others see.
            guard let named = try? FileStatus(of: layout.lockFile), try named.isSameFile(as: file.status()) else {
                continue
            }
            record(in: file)
            return .taken(file)
        }
        return .held(byProcess: nil)
    }

    private static func open(_ layout: StoreLayout) throws(SystemFailure) -> OpenFile {
        do {
            return try OpenFile(layout.lockFile, O_RDWR | O_CREAT)
        } catch {
            guard error.isRefusal || error.isLackOfRoom else { throw error }
            return try OpenFile(layout.lockFile, O_RDONLY)
        }
    }

    private static func owner(in file: OpenFile) -> Int32? {
        guard let bytes = try? file.readPrefix(16) else { return nil }
        return String(decoding: bytes, as: UTF8.self).split(separator: "\n").first.flatMap { Int32($0) }
    }

    /// For people, and for the error that another process reports; the lock holds without it, as on a full disk.
    private static func record(in file: OpenFile) {
        ftruncate(file.descriptor, 0)
        try? file.write("\(getpid())\n")
    }
}
