internal import Glibc

/// Keeps a port without listening on it: connections are refused, and the system gives the port to nobody else.
package final class PortHolder: Sendable {
    package struct Failure: Error { package let errno: CInt }

    package let port: Int
    private let descriptor: CInt

    /// - Parameter port: 0 for one of the system's choice.
    package init(address: String, port: Int = 0) throws {
        descriptor = socket(AF_INET, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw Failure(errno: errno) }
        var one: CInt = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &one, socklen_t(MemoryLayout<CInt>.size))
        var name = sockaddr_in()
        name.sin_family = sa_family_t(AF_INET)
        name.sin_port = UInt16(port).bigEndian
        inet_pton(AF_INET, address, &name.sin_addr)
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let descriptor = descriptor
        let isBound = withUnsafeMutablePointer(to: &name) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                bind(descriptor, pointer, length) == 0 && getsockname(descriptor, pointer, &length) == 0
            }
        }
        guard isBound else {
            let failure = Failure(errno: errno)
            close(descriptor)
            throw failure
        }
        self.port = Int(UInt16(bigEndian: name.sin_port))
    }

    deinit { close(descriptor) }
}
