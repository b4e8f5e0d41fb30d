#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// Where requests leave this machine: what the upstream takes for the client's address depends on it.
package enum Egress: Sendable, Hashable, CustomStringConvertible {
    /// Whichever address the system takes.
    case system
    /// An IPv4 or IPv6 address of this machine.
    case address(String)
    /// A network interface; its address is looked up for each connection, since it may change.
    case interface(String)

    /// An address where `text` is one, else an interface.
    package init(_ text: String) {
        var storage = in6_addr()
        let isAddress = inet_pton(AF_INET, text, &storage) == 1 || inet_pton(AF_INET6, text, &storage) == 1
        self = isAddress ? .address(text) : .interface(text)
    }

    package var description: String {
        switch self {
        case .system: "system"
        case .address(let text), .interface(let text): text
        }
    }

    struct NoAddress: Error {}

    /// The address to bind; nil: none in particular. Of an interface with several the first of IPv4, else the first of
    /// IPv6 that is good beyond the link.
    func localAddress() throws(NoAddress) -> String? {
        switch self {
        case .system: return nil
        case .address(let text): return text
        case .interface(let name):
            let addresses = Self.addresses(of: name)
            guard let address = addresses.first(where: { !$0.contains(":") }) ?? addresses.first else {
                throw NoAddress()
            }
            return address
        }
    }

    private static func addresses(of name: String) -> [String] {
        var first: UnsafeMutablePointer<ifaddrs>?
        guard getifaddrs(&first) == 0 else { return [] }
        defer { freeifaddrs(first) }
        var found: [String] = []
        var next = first
        while let entry = next?.pointee {
            next = entry.ifa_next
            guard let address = entry.ifa_addr, String(cString: entry.ifa_name) == name else { continue }
            let family = CInt(address.pointee.sa_family)
            guard family == AF_INET || family == AF_INET6 else { continue }
            let length = family == AF_INET ? MemoryLayout<sockaddr_in>.size : MemoryLayout<sockaddr_in6>.size
            var text = [CChar](repeating: 0, count: Int(NI_MAXHOST))
            guard
                getnameinfo(
                    address, socklen_t(length), &text, socklen_t(text.count), nil, 0, NI_NUMERICHOST) == 0
            else { continue }
            let host = String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            // Those with a zone are good on their link alone.
            if !host.contains("%"), !host.lowercased().hasPrefix("fe80:") { found.append(host) }
        }
        return found
    }
}
