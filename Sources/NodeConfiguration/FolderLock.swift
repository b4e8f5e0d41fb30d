#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// Held while a folder is changed or used: two processes at once would move each other's files. The system lets go of it
/// when its process ends, however it ends.
package struct FolderLock: Sendable {
    private let descriptor: CInt

    /// - Throws: ``NodeConfigurationError/busy(path:)`` where another process has it.
    package init(_ path: String) throws(NodeConfigurationError) {
        descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw .system(call: "open", path: path, reason: String(cString: strerror(errno)))
        }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            let code = errno
            close(descriptor)
            guard code == EWOULDBLOCK else {
                throw .system(call: "flock", path: path, reason: String(cString: strerror(code)))
            }
            throw .busy(path: path)
        }
    }

    /// Lets others take it at once. Closing alone would leave it held for as long as a child process, between its fork and
    /// its exec, has the descriptor as well.
    package func release() {
        flock(descriptor, LOCK_UN)
        close(descriptor)
    }
}
