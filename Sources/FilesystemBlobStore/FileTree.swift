#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// Calls on names rather than on open files. All block: call them on a ``BlockingPool``.
enum FileTree {
    /// Creates a folder; returns false where there is one.
    @discardableResult
    static func createFolder(_ path: String) throws(SystemFailure) -> Bool {
        do {
            try SystemFailure.check("mkdir") { mkdir(path, 0o755) }
            return true
        } catch {
            if error.code == EEXIST { return false }
            throw error
        }
    }

    /// Creates a folder and those above it.
    static func createFolders(_ path: String) throws(SystemFailure) {
        do {
            try createFolder(path)
        } catch {
            guard error.code == ENOENT, let slash = path.lastIndex(of: "/"), slash > path.startIndex else {
                throw error
            }
            try createFolders(String(path[..<slash]))
            try createFolder(path)
        }
    }

    static func move(_ path: String, to target: String) throws(SystemFailure) {
        try SystemFailure.check("rename") { rename(path, target) }
    }

    /// Removes a file; returns false where there is none.
    @discardableResult
    static func removeFile(_ path: String) throws(SystemFailure) -> Bool {
        do {
            try SystemFailure.check("unlink") { unlink(path) }
            return true
        } catch {
            if error.isAbsence { return false }
            throw error
        }
    }

    /// Removes a folder that is empty; returns whether it did.
    @discardableResult
    static func removeEmptyFolder(_ path: String) -> Bool { rmdir(path) == 0 }

    /// The names in a folder, without `.` and `..`; none where there is no such folder.
    static func names(in path: String) throws(SystemFailure) -> [String] {
        let folder: OpenFile
        do {
            folder = try OpenFile(path, O_RDONLY | O_DIRECTORY)
        } catch {
            if error.isAbsence || error.code == ELOOP { return [] }
            throw error
        }
        // The stream closes the descriptor that it is given.
        let descriptor = try SystemFailure.check("dup") { fcntl(folder.descriptor, F_DUPFD_CLOEXEC, 0) }
        guard let stream = fdopendir(descriptor) else {
            let code = errno
            close(descriptor)
            throw SystemFailure(call: "fdopendir", code: code)
        }
        defer { closedir(stream) }
        var names: [String] = []
        while true {
            errno = 0
            guard let entry = readdir(stream) else {
                if errno != 0 { throw SystemFailure(call: "readdir", code: errno) }
                return names
            }
            let name = withUnsafePointer(to: &entry.pointee.d_name) { field in
                field.withMemoryRebound(to: CChar.self, capacity: MemoryLayout.size(ofValue: field.pointee)) {
                    String(cString: $0)
                }
            }
            if name != ".", name != ".." { names.append(name) }
        }
    }

    /// Makes what was created, renamed or removed in a folder last.
    static func synchronizeFolder(_ path: String) throws(SystemFailure) {
        try OpenFile(path, O_RDONLY | O_DIRECTORY).synchronize()
    }

    /// Total bytes of the file system that `path` is on, and those that may still be written.
    static func room(at path: String) throws(SystemFailure) -> (total: Int64, available: Int64) {
        var status = statvfs()
        try SystemFailure.check("statvfs") { statvfs(path, &status) }
        let unit = UInt64(status.f_frsize)
        return (
            Int64(clamping: UInt64(status.f_blocks).multipliedReportingOverflow(by: unit).partialValue),
            Int64(clamping: UInt64(status.f_bavail).multipliedReportingOverflow(by: unit).partialValue)
        )
    }
}
