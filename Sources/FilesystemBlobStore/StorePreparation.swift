internal import BlobStore
internal import Logging

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// What is done with a directory before it is a store. Blocks.
struct StorePreparation {
    let layout: StoreLayout
    let logger: Logger

    /// Creates, locks, checks the version and sweeps, in this order. Where the disk is full or read-only only an
    /// existing directory will do.
    func prepare() throws(BlobStoreError) -> StoreLock? {
        do {
            try FileTree.createFolders(layout.root)
            // The folder above need not be readable to us, and the rest of what is created there is made durable later.
            try? FileTree.synchronizeFolder(layout.root + "/..")
        } catch {
            guard let status = try? FileStatus(of: layout.root), status.kind != .other else { throw error.writing }
        }
        let lock = try StoreLock.take(layout, logger: logger)
        try checkVersion()
        attempt("prepare a folder") { () throws(SystemFailure) in
            for folder in [layout.ingest, layout.blobs, layout.repositories] { try FileTree.createFolder(folder) }
        }
        // Without the lock another process may be writing there.
        if lock != nil { sweep() }
        return lock
    }

    private func checkVersion() throws(BlobStoreError) {
        // Empty where the disk was full, or the power went, when it was written.
        guard let text = try reading(readVersion), !text.isEmpty else {
            return attempt("mark the version") { () throws(SystemFailure) in
                try OpenFile(layout.versionFile, O_WRONLY | O_CREAT).write(StoreLayout.version)
            }
        }
        if text != StoreLayout.version { throw .unsupportedLayout }
    }

    /// Nil where there is no such file.
    private func readVersion() throws(SystemFailure) -> String? {
        do {
            return String(decoding: try OpenFile(layout.versionFile, O_RDONLY).readPrefix(64), as: UTF8.self)
        } catch {
            if error.isAbsence { return nil }
            throw error
        }
    }

    /// Removes what earlier runs left unfinished, whatever it is.
    private func sweep() {
        attempt("sweep unfinished files") { () throws(SystemFailure) in
            for name in try FileTree.names(in: layout.ingest) {
                try sweep("\(layout.ingest)/\(name)", depthLimit: 8)
            }
        }
    }

    private func sweep(_ path: String, depthLimit: Int) throws(SystemFailure) {
        if try FileStatus(of: path).kind == .folder, depthLimit > 0 {
            for name in try FileTree.names(in: path) { try sweep("\(path)/\(name)", depthLimit: depthLimit - 1) }
            FileTree.removeEmptyFolder(path)
        } else {
            try FileTree.removeFile(path)
        }
    }

    /// Goes on after a failure, for reading needs none of this, and says so.
    private func attempt(_ purpose: String, _ body: () throws(SystemFailure) -> Void) {
        do {
            try body()
        } catch {
            logger.warning(
                "the store's folder could not be prepared for writing",
                metadata: ["step": "\(purpose)", "path": "\(layout.root)", "error": "\(error.writing)"])
        }
    }
}
