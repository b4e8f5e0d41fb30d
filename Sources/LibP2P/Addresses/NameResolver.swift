internal import NIOPosix

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// Looks names up as the system does.
package struct NameResolver: Sendable {
    package init() {}

    /// The IP addresses of `name` as text, in the system's order and without repetition; none where the name does not
    /// exist. Blocks a thread of NIO's pool meanwhile, for as long as the system's resolver takes.
    /// - Throws: ``NameResolutionError`` where nobody could be asked.
    package func addresses(of name: String, family: Endpoint.NameFamily = .any) async throws -> [String] {
        try await NIOThreadPool.singleton.runIfActive { try Self.resolve(name, family) }
    }

    private static func resolve(_ name: String, _ family: Endpoint.NameFamily) throws(NameResolutionError) -> [String] {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        hints.ai_family =
            switch family {
            case .any: AF_UNSPEC
            case .ip4: AF_INET
            case .ip6: AF_INET6
            }
        var list: UnsafeMutablePointer<addrinfo>?
        let code = getaddrinfo(name, nil, &hints, &list)
        guard code == 0 else {
            if code == EAI_NONAME || code == noData { return [] }
            throw NameResolutionError(name: name, reason: String(cString: gai_strerror(code)))
        }
        defer { freeaddrinfo(list) }
        var texts: [String] = []
        var next = list
        while let info = next?.pointee {
            next = info.ai_next
            var text = [CChar](repeating: 0, count: Int(NI_MAXHOST))
            guard
                getnameinfo(
                    info.ai_addr, info.ai_addrlen, &text, socklen_t(text.count), nil, 0, NI_NUMERICHOST) == 0
            else { continue }
            let address = String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            if !texts.contains(address) { texts.append(address) }
        }
        return texts
    }

    /// EAI_NODATA: the name is there, and has no address of the family.
    private static let noData: Int32 = -5
}

package struct NameResolutionError: Error, Hashable, CustomStringConvertible {
    package let name: String
    package let reason: String

    package init(name: String, reason: String) {
        self.name = name
        self.reason = reason
    }

    package var description: String { "\(name) cannot be looked up: \(reason)" }
}
