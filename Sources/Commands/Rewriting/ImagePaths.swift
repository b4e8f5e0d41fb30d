internal import ImageFiles

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// The files that paths on the command line stand for.
struct ImagePaths: Sendable {
    /// Folders within folders; a loop of mounts ends there.
    private static let depthLimit = 64
    static let fileLimit = 1_000_000

    struct File: Sendable {
        /// As it is reported: the path from the command line, and on from there.
        let path: String
        /// Whether it was named itself, and not found in a folder.
        let isNamed: Bool

        var name: String { path.split(separator: "/").last.map(String.init) ?? path }
    }

    private(set) var files: [File] = []
    private(set) var problems: [String] = []

    init(_ paths: [String]) {
        for path in paths {
            var status = stat()
            guard stat(path, &status) == 0 else {
                problems.append(
                    "\(path): \(errno == ENOENT ? "does not exist" : "cannot be read: \(String(cString: strerror(errno)))")"
                )
                continue
            }
            if status.st_mode & S_IFMT == S_IFDIR {
                walk(path, depth: 0)
            } else {
                files.append(File(path: path, isNamed: true))
            }
        }
    }

    /// In the order of names. Links are not followed, and hidden folders are left out: `.git` is full of files.
    private mutating func walk(_ folder: String, depth: Int) {
        guard depth < Self.depthLimit, files.count < Self.fileLimit, let directory = opendir(folder) else {
            problems.append("\(folder): the folder cannot be read")
            return
        }
        var folders: [String] = []
        var found: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: Int(NAME_MAX) + 1) { String(cString: $0) }
            }
            if name.hasPrefix(".") || name == "node_modules" { continue }
            var status = stat()
            let path = folder.hasSuffix("/") ? folder + name : "\(folder)/\(name)"
            guard lstat(path, &status) == 0 else { continue }
            switch status.st_mode & S_IFMT {
            case S_IFDIR: folders.append(path)
            case S_IFREG where FileKind.isCandidate(fileName: name): found.append(path)
            default: continue
            }
        }
        closedir(directory)
        files += found.sorted().map { File(path: $0, isNamed: false) }
        for folder in folders.sorted() { walk(folder, depth: depth + 1) }
    }
}

/// Reads a whole file, or standard input.
func readBytes(_ path: String?, limitBytes: Int) throws(CommandFailure) -> [UInt8] {
    let name = path ?? "standard input"
    let descriptor = path.map { open($0, O_RDONLY | O_CLOEXEC | O_NONBLOCK) } ?? STDIN_FILENO
    guard descriptor >= 0 else {
        throw CommandFailure(.failure, "\(name) cannot be read: \(String(cString: strerror(errno)))")
    }
    defer { if path != nil { close(descriptor) } }
    var bytes: [UInt8] = []
    var status = stat()
    if path != nil, fstat(descriptor, &status) == 0 { bytes.reserveCapacity(min(Int(status.st_size), limitBytes)) }
    var chunk = [UInt8](repeating: 0, count: 64 << 10)
    while true {
        let count = read(descriptor, &chunk, chunk.count)
        if count < 0 {
            if errno == EINTR { continue }
            throw CommandFailure(.failure, "\(name) cannot be read: \(String(cString: strerror(errno)))")
        }
        if count == 0 { return bytes }
        bytes += chunk[..<count]
        guard bytes.count <= limitBytes else {
            throw CommandFailure(.failure, "\(name) is larger than \(limitBytes) bytes")
        }
    }
}

/// Puts `bytes` in the place of a file that exists, all or nothing: what breaks off leaves the old file as it was.
/// Owner and mode stay; of a link what it leads to is replaced.
///
/// Not synchronised: with ten thousand files that takes half a minute in place of seconds, and what a power failure in
/// that moment could take is a source file that was there before and can be rewritten again.
func replaceFile(_ path: String, by bytes: [UInt8]) throws(CommandFailure) {
    func failure(_ code: CInt) -> CommandFailure {
        CommandFailure(.failure, "\(path) cannot be written (error \(code))")
    }
    guard let real = realpath(path, nil) else { throw failure(errno) }
    defer { free(real) }
    let target = String(cString: real)
    var status = stat()
    guard stat(target, &status) == 0, access(target, W_OK) == 0 else { throw failure(errno) }
    let temporary = "\(target).weir-\(getpid())"
    let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard descriptor >= 0 else { throw failure(errno) }
    var written = 0
    var code: CInt = 0
    while written < bytes.count, code == 0 {
        let count = bytes[written...].withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
        if count < 0 { code = errno == EINTR ? 0 : errno } else { written += count }
    }
    if code == 0, fchmod(descriptor, status.st_mode & 0o7777) != 0 { code = errno }
    // Where this user may not give files away the file becomes its own, as with any editor.
    if code == 0 { _ = fchown(descriptor, status.st_uid, status.st_gid) }
    if close(descriptor) != 0, code == 0 { code = errno }
    if code == 0, rename(temporary, target) != 0 { code = errno }
    guard code == 0 else {
        unlink(temporary)
        throw failure(code)
    }
}
