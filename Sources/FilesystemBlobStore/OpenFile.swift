internal import BlobStore
internal import CFileAllocation

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// A file descriptor that closes with its last reference. Its functions block: call them on a ``BlockingPool``.
final class OpenFile: Sendable {
    let descriptor: CInt

    private init(owning descriptor: CInt) { self.descriptor = descriptor }

    deinit { close(descriptor) }

    /// Opens without following a symbolic link in the last component, and without waiting where it is a pipe.
    init(_ path: String, _ flags: CInt, mode: mode_t = 0o644) throws(SystemFailure) {
        descriptor = try SystemFailure.check("open") {
            open(path, flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, mode)
        }
    }

    func status() throws(SystemFailure) -> FileStatus {
        var status = stat()
        try SystemFailure.check("fstat") { fstat(descriptor, &status) }
        return FileStatus(status)
    }

    /// Reads until `buffer` is full or the file ends; returns the bytes read.
    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) throws(SystemFailure) -> Int {
        var count = 0
        while count < buffer.count {
            let rest = UnsafeMutableRawBufferPointer(rebasing: buffer[count...])
            let got = try SystemFailure.check("pread") {
                pread(descriptor, rest.baseAddress, rest.count, off_t(offset) + off_t(count))
            }
            if got == 0 { break }
            count += got
        }
        return count
    }

    /// Reads what is in the page cache and returns its length, 0 where nothing is; nil where the file system cannot tell.
    /// Does not block.
    func readAtHand(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) -> Int? {
        let count = weir_read_cached(descriptor, buffer.baseAddress, buffer.count, offset)
        if count >= 0 { return Int(count) }
        return count == -Int64(EAGAIN) || count == -Int64(EINTR) ? 0 : nil
    }

    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws(SystemFailure) {
        var count = 0
        while count < bytes.count {
            let rest = UnsafeRawBufferPointer(rebasing: bytes[count...])
            count += try SystemFailure.check("pwrite") {
                pwrite(descriptor, rest.baseAddress, rest.count, off_t(offset) + off_t(count))
            }
        }
    }

    /// The first `limit` bytes, or fewer where the file is shorter.
    func readPrefix(_ limit: Int) throws(SystemFailure) -> [UInt8] {
        var failure: SystemFailure?
        let bytes = [UInt8](unsafeUninitializedCapacity: limit) { buffer, count in
            do throws(SystemFailure) {
                count = try read(into: UnsafeMutableRawBufferPointer(buffer), at: 0)
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        return bytes
    }

    /// Writes `text` at the file's beginning.
    func write(_ text: String) throws(SystemFailure) {
        var text = text
        let result = text.withUTF8 { bytes in
            Result { () throws(SystemFailure) in try write(UnsafeRawBufferPointer(bytes), at: 0) }
        }
        try result.get()
    }

    /// Sets room aside, so that a full disk shows before the transfer and large files lie in one piece. File systems
    /// that cannot are no failure.
    func reserve(_ length: Int64) throws(SystemFailure) {
        switch weir_reserve(descriptor, length) {
        case 0, EOPNOTSUPP, ENOSYS, EINVAL, EINTR: return
        case let code: throw SystemFailure(call: "fallocate", code: code)
        }
    }

    func setPermissions(_ mode: mode_t) throws(SystemFailure) {
        try SystemFailure.check("fchmod") { fchmod(descriptor, mode) }
    }

    /// Leaves the time of access as it is.
    func setModified(seconds: Int) throws(SystemFailure) {
        // UTIME_OMIT of utimensat(2), a macro that Swift does not import.
        let omit = (1 << 30) - 2
        let times = [timespec(tv_sec: 0, tv_nsec: omit), timespec(tv_sec: seconds, tv_nsec: 0)]
        try SystemFailure.check("futimens") { futimens(descriptor, times) }
    }

    func synchronize() throws(SystemFailure) {
        try SystemFailure.check("fsync") { fsync(descriptor) }
    }

    /// Locks the file against every other opening of it, in this process too, until it is closed; returns false where
    /// another holds it. The kernel releases it when the process ends, however it ends.
    func lock() throws(SystemFailure) -> Bool {
        do {
            try SystemFailure.check("flock") { flock(descriptor, LOCK_EX | LOCK_NB) }
            return true
        } catch {
            if error.code == EWOULDBLOCK { return false }
            throw error
        }
    }
}

/// What the store looks at in a file's status.
struct FileStatus: Hashable {
    enum Kind { case file, folder, other }

    let kind: Kind
    let size: Int64
    let inode: UInt64
    let device: UInt64
    let modifiedSeconds: Int
    let modifiedNanoseconds: Int
    let changedSeconds: Int
    let changedNanoseconds: Int
    /// Names that the file has; 0 once it is removed.
    let linkCount: Int

    init(_ status: stat) {
        kind =
            switch status.st_mode & S_IFMT {
            case S_IFREG: .file
            case S_IFDIR: .folder
            default: .other
            }
        size = Int64(status.st_size)
        inode = UInt64(status.st_ino)
        device = UInt64(status.st_dev)
        modifiedSeconds = status.st_mtim.tv_sec
        modifiedNanoseconds = status.st_mtim.tv_nsec
        changedSeconds = status.st_ctim.tv_sec
        changedNanoseconds = status.st_ctim.tv_nsec
        linkCount = Int(status.st_nlink)
    }

    /// The status of `path` itself, symbolic links not followed.
    init(of path: String) throws(SystemFailure) {
        var status = stat()
        try SystemFailure.check("lstat") { lstat(path, &status) }
        self.init(status)
    }

    func isSameFile(as other: FileStatus) -> Bool { inode == other.inode && device == other.device }
}
