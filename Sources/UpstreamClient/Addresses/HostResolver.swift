internal import Glibc
package import NIOCore
internal import NIOPosix

/// Turns names into addresses, so that they can be judged before anything is sent there.
package protocol HostResolver: Sendable {
    /// Every address of `name`, at least one.
    /// - Throws: where there is none, or nothing is known in time.
    func addresses(of name: String, timeout: Duration) async throws -> [SocketAddress]
}

/// The system's resolver, on threads of its own: `getaddrinfo` may block for long, and file work must not wait for it.
package final class SystemHostResolver: HostResolver {
    private static let threadCount = 4
    private let threads = NIOThreadPool(numberOfThreads: threadCount)

    package init() {}

    deinit { threads.shutdownGracefully { _ in } }

    package func addresses(of name: String, timeout: Duration) async throws -> [SocketAddress] {
        threads.start()  // The first time only.
        let loop = MultiThreadedEventLoopGroup.singleton.any()
        let promise = loop.makePromise(of: [SocketAddress].self)
        let timer = loop.scheduleTask(in: TimeAmount(timeout)) { promise.fail(HostResolutionError(status: EAI_AGAIN)) }
        threads.runIfActive(eventLoop: loop) { try Self.resolve(name) }.whenComplete { result in
            timer.cancel()
            // A promise takes its first outcome; which of the two that was no longer matters.
            promise.completeWith(result)
        }
        return try await promise.futureResult.get()
    }

    private static func resolve(_ name: String) throws -> [SocketAddress] {
        var hints = addrinfo()
        hints.ai_socktype = CInt(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        let status = getaddrinfo(name, nil, &hints, &list)
        guard status == 0, let list else { throw HostResolutionError(status: status) }
        defer { freeaddrinfo(list) }
        var addresses: [SocketAddress] = []
        for entry in sequence(first: list, next: { $0.pointee.ai_next }) {
            guard let raw = entry.pointee.ai_addr else { continue }
            switch entry.pointee.ai_family {
            case AF_INET:
                let address = UnsafeRawPointer(raw).loadUnaligned(as: sockaddr_in.self)
                addresses.append(SocketAddress(address, host: name))
            case AF_INET6:
                let address = UnsafeRawPointer(raw).loadUnaligned(as: sockaddr_in6.self)
                addresses.append(SocketAddress(address, host: name))
            default: continue
            }
        }
        guard !addresses.isEmpty else { throw HostResolutionError(status: EAI_NONAME) }
        return addresses
    }
}

/// Why a name has no address.
struct HostResolutionError: Error, CustomStringConvertible {
    let status: CInt
    var description: String { "the name does not resolve (\(String(cString: gai_strerror(status))))" }
}
