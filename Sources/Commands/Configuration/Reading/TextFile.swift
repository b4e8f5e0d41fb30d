#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// Why a file was not read.
struct FileReadError: Error {
    /// Follows the file's name: `does not exist`.
    let reason: String
    let isMissing: Bool
}

/// Reads a whole file of UTF-8 text.
func readTextFile(_ path: String, limitBytes: Int) throws(FileReadError) -> String {
    // Without O_NONBLOCK the opening of a FIFO that nobody writes to would wait for ever.
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { throw readError(errno) }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 16 << 10)
    while true {
        let count = read(descriptor, &chunk, chunk.count)
        if count < 0 {
            if errno == EINTR { continue }
            throw readError(errno)
        }
        if count == 0 { break }
        bytes += chunk[..<count]
        guard bytes.count <= limitBytes else {
            throw FileReadError(reason: "is larger than \(limitBytes) bytes", isMissing: false)
        }
    }
    guard let text = String(validating: bytes, as: UTF8.self) else {
        throw FileReadError(reason: "is not UTF-8 text", isMissing: false)
    }
    return text
}

private func readError(_ code: CInt) -> FileReadError {
    switch code {
    case ENOENT, ENOTDIR: FileReadError(reason: "does not exist", isMissing: true)
    case EACCES, EPERM: FileReadError(reason: "may not be read by this user", isMissing: false)
    case EISDIR: FileReadError(reason: "is a directory", isMissing: false)
    default: FileReadError(reason: "cannot be read: \(String(cString: strerror(code)))", isMissing: false)
    }
}

/// Whether this process may read `path`; directories are no files to read.
func isReadableFile(_ path: String) -> Bool {
    var status = stat()
    return stat(path, &status) == 0 && status.st_mode & S_IFMT != S_IFDIR && access(path, R_OK) == 0
}

/// Whether this process could create or write in the directory `path`, or in the nearest one above it that exists.
func isWritableDirectory(_ path: String) -> Bool {
    var current = path
    while !current.isEmpty {
        if access(current, F_OK) == 0 { return access(current, W_OK | X_OK) == 0 }
        guard let slash = current.lastIndex(of: "/") else { return false }
        current = slash == current.startIndex ? "/" : String(current[..<slash])
    }
    return false
}
