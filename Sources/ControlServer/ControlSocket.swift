internal import Synchronization

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// The file of a Unix socket: nobody but its owner may connect, and it appears only when someone answers.
///
/// The socket is bound in a directory that only the owner may enter, made private, and then moved into place. So there
/// is no moment at which others might connect, and a socket that a killed process left is replaced in one step.
package struct ControlSocket: Sendable {
    /// The longest path: `sun_path` has 108 bytes on Linux, and the name while binding is no longer than this.
    package static let pathLimit = 100

    private static let made = Atomic<UInt32>(0)

    package let path: String
    private let setting: String
    private let stagingDirectory: String

    /// Where the server binds before ``publish()``.
    var stagingPath: String { "\(stagingDirectory)/s" }

    /// - Parameter setting: the key of the configuration that names the socket, for people.
    /// - Throws: ``ControlSocketError/inUse(path:)`` where a running process answers there.
    package static func prepare(
        at path: String, setting: String = "control.socket"
    ) throws(ControlSocketError) -> ControlSocket {
        guard path.utf8.count <= pathLimit else { throw .pathTooLong(path: path) }
        var status = stat()
        if lstat(path, &status) == 0 {
            guard status.st_mode & S_IFMT == S_IFSOCK else { throw .notASocket(path: path) }
            guard !isAnswered(path) else { throw .inUse(path: path) }
        }
        let directory = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
        // Of its own for each socket of this process: two may lie side by side. No longer than the socket's name may be.
        let number = made.wrappingAdd(1, ordering: .relaxed).oldValue
        let name = ".s\(String(getpid(), radix: 36))-\(String(number, radix: 36))"
        let socket = ControlSocket(path: path, setting: setting, stagingDirectory: "\(directory)/\(name)")
        socket.removeStaging()
        guard mkdir(socket.stagingDirectory, 0o700) == 0 else {
            throw .system(path: directory, call: "mkdir", errno: errno, setting: setting)
        }
        return socket
    }

    /// Makes the bound socket reachable under its path.
    func publish() throws(ControlSocketError) {
        guard chmod(stagingPath, 0o600) == 0 else {
            throw .system(path: path, call: "chmod", errno: errno, setting: setting)
        }
        guard rename(stagingPath, path) == 0 else {
            throw .system(path: path, call: "rename", errno: errno, setting: setting)
        }
        removeStaging()
    }

    /// Removes the socket and whatever is left of its making.
    func remove() {
        unlink(path)
        removeStaging()
    }

    private func removeStaging() {
        unlink(stagingPath)
        rmdir(stagingDirectory)
    }

    /// Whether a process accepts connections there. A full queue counts as an answer.
    private static func isAnswered(_ path: String) -> Bool {
        switch connectFailure(path) {
        case nil, EAGAIN, EINPROGRESS: true
        default: false
        }
    }

    /// Connects and hangs up: nil where someone answers, else the error's number (`ENOENT`, `ECONNREFUSED`, `EACCES`).
    package static func connectFailure(_ path: String) -> Int32? {
        guard path.utf8.count < 108 else { return ENAMETOOLONG }
        let flags = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        let descriptor = socket(AF_UNIX, flags, 0)
        guard descriptor >= 0 else { return errno }
        defer { close(descriptor) }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        return result == 0 ? nil : errno
    }
}

/// Why there is no control socket.
package enum ControlSocketError: Error, Hashable, Sendable, CustomStringConvertible {
    case inUse(path: String)
    case notASocket(path: String)
    case pathTooLong(path: String)
    /// `setting` is the key of the configuration that names the socket.
    case system(path: String, call: String, errno: Int32, setting: String)

    package var description: String {
        switch self {
        case .inUse(let path): "another process answers on the control socket \(path); stop it, or name another socket"
        case .notASocket(let path): "\(path) is no socket; remove it, or name another path for the control socket"
        case .pathTooLong(let path):
            "the control socket's path is longer than \(ControlSocket.pathLimit) bytes; give a shorter one: \(path)"
        case .system(let path, let call, let errno, let setting):
            "the control socket cannot be made in \(path): \(call) failed: \(String(cString: strerror(errno))); name a place "
                + "that can be written as '\(setting)'"
        }
    }
}
