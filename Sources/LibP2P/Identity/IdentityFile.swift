#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// The file that keeps our identity over restarts, so that peers which know us still find us.
///
/// The same file and format as Spegel's `private.key`: a node may change from one to the other.
package struct IdentityFile: Sendable {
    private let path: String

    package init(path: String) { self.path = path }

    /// The identity in the file; where there is none, a new one that is written first, readable by its owner alone.
    ///
    /// Blocks on the file system. Of two that start at once with one path, both get the key that was written first.
    package func loadOrCreate() throws(IdentityError) -> Identity {
        if let identity = try load() { return identity }
        let identity = try Identity()
        guard try create(Array(identity.pem.utf8)) else {
            guard let other = try load() else { throw failure(ENOENT) }
            return other
        }
        return identity
    }

    /// Whether users other than its owner may read the file. Secrets that are mounted into a container often are so.
    package var isOpenToOthers: Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & 0o077 != 0
    }

    /// Nil where there is no file.
    private func load() throws(IdentityError) -> Identity? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            if errno == ENOENT { return nil }
            throw failure(errno)
        }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: Self.limitBytes + 1)
        var count = 0
        while count < bytes.count {
            let read = bytes.withUnsafeMutableBytes { buffer in
                Self.readBytes(descriptor, UnsafeMutableRawBufferPointer(rebasing: buffer[count...]))
            }
            if read == 0 { break }
            guard read > 0 else {
                if errno == EINTR { continue }
                throw failure(errno)
            }
            count += read
        }
        guard count <= Self.limitBytes, let identity = Identity(pem: String(decoding: bytes[..<count], as: UTF8.self))
        else { throw .malformedFile(path: path) }
        return identity
    }

    /// Writes beside and links into place, so that the file is whole or not there. False where it is there already.
    private func create(_ bytes: [UInt8]) throws(IdentityError) -> Bool {
        let temporary = "\(path).\(getpid()).\(UInt32.random(in: 0 ... .max))"
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw failure(errno) }
        defer {
            close(descriptor)
            unlink(temporary)
        }
        guard write(descriptor, bytes, bytes.count) == bytes.count, fsync(descriptor) == 0 else {
            throw failure(errno)
        }
        guard link(temporary, path) == 0 else {
            if errno == EEXIST { return false }
            throw failure(errno)
        }
        return true
    }

    private static func readBytes(_ descriptor: Int32, _ buffer: UnsafeMutableRawBufferPointer) -> Int {
        read(descriptor, buffer.baseAddress, buffer.count)
    }

    private func failure(_ code: Int32) -> IdentityError {
        .unreadableFile(path: path, reason: String(cString: strerror(code)))
    }

    /// An Ed25519 key takes 119 bytes.
    private static let limitBytes = 4096
}

extension Identity {
    fileprivate init?(pem: String) {
        guard let key = Key(pem: pem), let identity = try? Identity(key) else { return nil }
        self = identity
    }
}
