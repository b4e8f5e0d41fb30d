internal import NIOCore

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// Under which address peers are told to find us.
package enum OwnAddresses {
    /// One of `bound` and `machine`: an IPv4 address of the network where there is one, else an IPv6 address; a
    /// loopback address only where that is allowed and there is no other.
    ///
    /// Spegel up to 0.5.1 drops a peer that does not have exactly one address. Go peers take 8 connections of an IPv4
    /// address, and 8 of all addresses of an IPv6 network of 56 bits, which a cluster's machines mostly share.
    /// - Parameters:
    ///   - bound: what the host listens on; unspecified ones stand for all of `machine`'s of their family.
    ///   - machine: the machine's IP addresses, as text.
    package static func choose(bound: [Multiaddr], machine: [String], allowsLoopback: Bool) -> [Multiaddr] {
        var candidates: [Multiaddr] = []
        for address in bound {
            guard let endpoint = address.endpoint else { continue }
            guard address.reach == .unspecified else {
                candidates.append(address)
                continue
            }
            for text in machine {
                guard let candidate = Multiaddr(ip: text, port: endpoint.port) else { continue }
                // A socket on :: takes IPv4 as well.
                if case .ip4 = endpoint, case .ip6 = candidate.endpoint { continue }
                candidates.append(candidate)
            }
        }
        let reachable = candidates.filter { $0.reach == .network }
        let chosen =
            reachable.first { if case .ip4 = $0.endpoint { true } else { false } } ?? reachable.first
            ?? (allowsLoopback ? candidates.first { $0.reach == .loopback } : nil)
        return chosen.map { [$0] } ?? []
    }

    /// The machine's IP addresses as they are now: those from which it reaches other networks, as bridges and tunnels have
    /// addresses of no use to peers; all where it reaches none. None where the system does not tell.
    package static func ofMachine() -> [String] {
        let routed = Self.elsewhere.compactMap { source(towards: $0) }
        guard routed.isEmpty else { return routed }
        return ((try? System.enumerateDevices()) ?? []).compactMap { $0.address?.ipAddress }
    }

    /// Addresses for documentation, which are no machine's (RFC 5737, RFC 3849): the way there is that of everything
    /// without a route of its own.
    private static let elsewhere = ["2001:db8::1", "192.0.2.1"]

    /// From which address the machine would send to `address`; nil without a route. Nothing is sent.
    private static func source(towards address: String) -> String? {
        guard let target = try? SocketAddress(ipAddress: address, port: 9) else { return nil }
        let isIPv6 = target.protocol == .inet6
        let descriptor = socket(
            isIPv6 ? AF_INET6 : AF_INET, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        guard target.withSockAddr({ connect(descriptor, $0, socklen_t($1)) }) == 0 else { return nil }
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let code = withUnsafeMutablePointer(to: &storage) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &length) }
        }
        guard code == 0 else { return nil }
        return withUnsafePointer(to: &storage) { pointer in
            if isIPv6 {
                pointer.withMemoryRebound(to: sockaddr_in6.self, capacity: 1) { SocketAddress($0.pointee).ipAddress }
            } else {
                pointer.withMemoryRebound(to: sockaddr_in.self, capacity: 1) { SocketAddress($0.pointee).ipAddress }
            }
        }
    }
}
