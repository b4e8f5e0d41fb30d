package import Credentials
internal import NIOPosix

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// Reads small files that hold secrets, without ever showing their content.
package enum SecretFile {
    /// What makes a file another one: a mounted Kubernetes secret is changed by a swap of symbolic links, which gives
    /// the same path another inode.
    package struct Fingerprint: Hashable, Sendable {
        var device: UInt64
        var inode: UInt64
        var size: Int64
        var modifiedSeconds: Int64
        var modifiedNanoseconds: Int64
        /// Also changed by what puts the old modification time back, and leaves the size.
        var changedSeconds: Int64
        var changedNanoseconds: Int64
    }

    /// The bytes of the file, read on a thread that may block.
    /// - Throws: ``CredentialError/missing(reason:)`` or, above `limitBytes`, ``CredentialError/malformed(reason:)``.
    package static func read(_ path: String, limitBytes: Int = 64 << 10) async throws(CredentialError) -> [UInt8] {
        try await onThread { () throws(CredentialError) in try load(path, limitBytes: limitBytes).bytes }
    }

    static func onThread<Value: Sendable>(
        _ body: @escaping @Sendable () throws(CredentialError) -> Value
    ) async throws(CredentialError) -> Value {
        let result: Result<Value, CredentialError>?
        result = try? await NIOThreadPool.singleton.runIfActive {
            do throws(CredentialError) { return .success(try body()) } catch { return .failure(error) }
        }
        guard let result else { throw .unavailable(reason: "the service is ending") }
        return try result.get()
    }

    /// Of what `path` leads to. Does not read it.
    package static func fingerprint(_ path: String) throws(CredentialError) -> Fingerprint {
        var status = stat()
        guard stat(path, &status) == 0 else { throw problem(path, errno) }
        return fingerprint(of: status)
    }

    static func load(
        _ path: String, limitBytes: Int
    ) throws(CredentialError) -> (bytes: [UInt8], fingerprint: Fingerprint) {
        // Without O_NONBLOCK the opening of a FIFO that nobody writes to would wait for ever.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw problem(path, errno) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw problem(path, errno) }
        guard status.st_mode & S_IFMT == S_IFREG else { throw .missing(reason: "\(path) is no file") }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 16 << 10)
        while true {
            let count = systemRead(descriptor, &chunk, chunk.count)
            if count < 0 {
                if errno == EINTR { continue }
                throw problem(path, errno)
            }
            if count == 0 { break }
            bytes += chunk[..<count]
            guard bytes.count <= limitBytes else {
                throw .malformed(reason: "the file \(path) is larger than \(limitBytes) bytes")
            }
        }
        return (bytes, fingerprint(of: status))
    }

    private static func fingerprint(of status: stat) -> Fingerprint {
        Fingerprint(
            device: UInt64(status.st_dev), inode: UInt64(status.st_ino), size: Int64(status.st_size),
            modifiedSeconds: Int64(status.st_mtim.tv_sec), modifiedNanoseconds: Int64(status.st_mtim.tv_nsec),
            changedSeconds: Int64(status.st_ctim.tv_sec), changedNanoseconds: Int64(status.st_ctim.tv_nsec))
    }

    private static func problem(_ path: String, _ code: CInt) -> CredentialError {
        switch code {
        case ENOENT, ENOTDIR: .missing(reason: "the file \(path) does not exist")
        case EACCES, EPERM: .missing(reason: "the file \(path) may not be read by this user")
        case EISDIR: .missing(reason: "\(path) is a directory")
        default: .missing(reason: "the file \(path) cannot be read (error \(code))")
        }
    }
}

/// `read(2)`, which the enum's own function hides.
private func systemRead(_ descriptor: CInt, _ buffer: UnsafeMutableRawPointer, _ count: Int) -> Int {
    read(descriptor, buffer, count)
}
