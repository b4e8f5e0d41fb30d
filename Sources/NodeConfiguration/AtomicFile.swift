#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// A file that is whole or as it was before, whatever happens while it is written.
struct AtomicFile {
    let path: String

    /// Writes beside, synchronises and renames.
    func write(_ bytes: [UInt8], mode: mode_t) throws(NodeConfigurationError) {
        let temporary = "\(path).\(getpid())\(Self.suffix)"
        unlink(temporary)
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode)
        guard descriptor >= 0 else { throw failure("open", temporary) }
        defer {
            close(descriptor)
            unlink(temporary)
        }
        var written = 0
        while written < bytes.count {
            let count = bytes.withUnsafeBytes { Self.put(descriptor, $0, from: written) }
            guard count > 0 else {
                if count < 0, errno == EINTR { continue }
                throw failure("write", temporary)
            }
            written += count
        }
        guard fchmod(descriptor, mode) == 0, fsync(descriptor) == 0 else { throw failure("fsync", temporary) }
        guard rename(temporary, path) == 0 else { throw failure("rename", path) }
    }

    /// Whether a file of that name is one that was being written when its process was stopped.
    static func isTemporary(_ name: String) -> Bool {
        guard name.hasSuffix(suffix) else { return false }
        let number = name.dropLast(suffix.count).split(separator: ".").last ?? ""
        return !number.isEmpty && number.allSatisfy(\.isNumber)
    }

    private static let suffix = ".new"

    private static func put(_ descriptor: CInt, _ bytes: UnsafeRawBufferPointer, from start: Int) -> Int {
        systemWrite(descriptor, bytes.baseAddress?.advanced(by: start), bytes.count - start)
    }

    private func failure(_ call: String, _ path: String) -> NodeConfigurationError {
        .system(call: call, path: path, reason: String(cString: strerror(errno)))
    }
}

/// Why a node's configuration cannot be read or written.
package enum NodeConfigurationError: Error, Hashable, CustomStringConvertible {
    case system(call: String, path: String, reason: String)
    /// A file that is no TOML or YAML, or not of the form that is expected.
    case malformed(path: String, reason: String)
    /// Another process changes it at this moment.
    case busy(path: String)

    /// Whether it is for want of rights, or of a file system that may be written.
    package var isDenied: Bool {
        guard case .system(_, _, let reason) = self else { return false }
        return [EACCES, EPERM, EROFS].contains { reason == String(cString: strerror($0)) }
    }

    package var description: String {
        switch self {
        case .system(let call, let path, let reason): "\(path): \(call) failed: \(reason)"
        case .malformed(let path, let reason): "\(path): \(reason)"
        case .busy(let path): "\(path): another process changes it at this moment; try again"
        }
    }
}

/// Under a name of its own, since the method above has the system's.
private func systemWrite(_ descriptor: CInt, _ bytes: UnsafeRawPointer?, _ count: Int) -> Int {
    write(descriptor, bytes, count)
}
