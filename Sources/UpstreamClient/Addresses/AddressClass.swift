internal import Glibc
package import NIOCore

/// What kind of network an IP address belongs to.
///
/// After the IANA special-purpose address registries (RFC 6890), and what the clouds put there.
package struct AddressClass: OptionSet, Sendable, Hashable {
    package let rawValue: UInt16
    package init(rawValue: UInt16) { self.rawValue = rawValue }

    /// Reachable from anywhere.
    package static let publicNetwork = AddressClass(rawValue: 1 << 0)
    package static let loopback = AddressClass(rawValue: 1 << 1)
    package static let linkLocal = AddressClass(rawValue: 1 << 2)
    /// RFC 1918, and unique local addresses of IPv6 (RFC 4193).
    package static let privateNetwork = AddressClass(rawValue: 1 << 3)
    /// RFC 6598.
    package static let carrierGradeNAT = AddressClass(rawValue: 1 << 4)
    package static let unspecified = AddressClass(rawValue: 1 << 5)
    package static let multicast = AddressClass(rawValue: 1 << 6)
    /// Documentation, benchmarks, broadcast, and what is not assigned.
    package static let reserved = AddressClass(rawValue: 1 << 7)
    /// Where clouds answer questions about a machine, secrets among them.
    package static let metadata = AddressClass(rawValue: 1 << 8)

    package static let everything = AddressClass(rawValue: .max)

    /// Of several classes, for people.
    package var names: String {
        let all: [(AddressClass, String)] = [
            (.publicNetwork, "public"), (.loopback, "loopback"), (.linkLocal, "link-local"),
            (.privateNetwork, "private"), (.carrierGradeNAT, "carrier-grade NAT"), (.unspecified, "unspecified"),
            (.multicast, "multicast"), (.reserved, "reserved"), (.metadata, "cloud metadata"),
        ]
        return all.filter { contains($0.0) }.map(\.1).joined(separator: ", ")
    }

    /// The class of what `host` spells, where it is an address rather than a name: also the forms that C libraries
    /// accept, such as `2130706433`, `0x7f.1` and `0177.0.0.1`.
    package static func ofLiteral(_ host: String) -> AddressClass? {
        if host == "localhost" || host.hasSuffix(".localhost") { return .loopback }  // RFC 6761, 6.3
        var four = in_addr()
        if inet_aton(host, &four) != 0 { return ofIPv4(UInt32(bigEndian: four.s_addr)) }
        var six = in6_addr()
        guard inet_pton(AF_INET6, host, &six) == 1 else { return nil }
        return ofIPv6(withUnsafeBytes(of: six) { Array($0) })
    }

    /// The class of an address that a name resolved to, or that a connection leads to.
    package static func of(_ address: SocketAddress) -> AddressClass {
        address.ipAddress.map { ofLiteral($0) ?? .reserved } ?? .loopback  // Without one it is a Unix socket.
    }

    static func ofIPv4(_ address: UInt32) -> AddressClass {
        func isIn(_ a: UInt32, _ b: UInt32, _ c: UInt32, _ d: UInt32, _ bits: UInt32) -> Bool {
            let network = a << 24 | b << 16 | c << 8 | d
            return (address ^ network) >> (32 - bits) == 0
        }
        // AWS, Azure, Google and most others; ECS and EKS; Alibaba; Azure's wire server.
        if isIn(169, 254, 169, 254, 32) || isIn(169, 254, 170, 0, 24) || isIn(100, 100, 100, 200, 32)
            || isIn(168, 63, 129, 16, 32)
        {
            return .metadata
        }
        if address == 0 { return .unspecified }
        if isIn(0, 0, 0, 0, 8) { return .unspecified }  // "this network": Linux takes parts of it for the host itself
        if isIn(127, 0, 0, 0, 8) { return .loopback }
        if isIn(169, 254, 0, 0, 16) { return .linkLocal }
        if isIn(10, 0, 0, 0, 8) || isIn(172, 16, 0, 0, 12) || isIn(192, 168, 0, 0, 16) { return .privateNetwork }
        if isIn(100, 64, 0, 0, 10) { return .carrierGradeNAT }
        if isIn(224, 0, 0, 0, 4) { return .multicast }
        if isIn(192, 0, 0, 0, 24) || isIn(192, 0, 2, 0, 24) || isIn(198, 51, 100, 0, 24) || isIn(203, 0, 113, 0, 24)
            || isIn(198, 18, 0, 0, 15) || isIn(240, 0, 0, 0, 4)
        {
            return .reserved
        }
        return .publicNetwork
    }

    /// - Parameter bytes: sixteen.
    static func ofIPv6(_ bytes: [UInt8]) -> AddressClass {
        func word(_ index: Int) -> UInt32 {
            bytes[index..<(index + 4)].reduce(0) { $0 << 8 | UInt32($1) }
        }
        let isLowHalfOnly = word(0) == 0 && word(4) == 0
        if isLowHalfOnly, word(8) == 0 {
            if word(12) == 0 { return .unspecified }
            if word(12) == 1 { return .loopback }
            return ofIPv4(word(12))  // IPv4-compatible, long deprecated
        }
        if isLowHalfOnly, word(8) == 0xFFFF { return ofIPv4(word(12)) }  // IPv4-mapped
        if isLowHalfOnly, word(8) == 0xFFFF_0000 { return ofIPv4(word(12)) }  // ::ffff:0:a.b.c.d, RFC 2765
        // NAT64 (RFC 6052, and RFC 8215 for local use), 6to4, Teredo: each leads to the IPv4 address inside.
        if word(0) == 0x0064_FF9B { return word(4) == 0 && word(8) == 0 ? ofIPv4(word(12)) : .privateNetwork }
        if bytes[0] == 0x20, bytes[1] == 0x02 { return ofIPv4(word(2)) }
        if word(0) == 0x2001_0000 { return ofIPv4(~word(12)) }
        if bytes[0] == 0xFD, bytes[1] == 0x00, word(0) == 0xFD00_0EC2, word(4) == 0, word(8) == 0 { return .metadata }
        if bytes[0] & 0xFE == 0xFC { return .privateNetwork }
        if bytes[0] == 0xFE, bytes[1] & 0xC0 == 0x80 { return .linkLocal }
        if bytes[0] == 0xFE, bytes[1] & 0xC0 == 0xC0 { return .privateNetwork }  // site-local, deprecated
        if bytes[0] == 0xFF { return .multicast }
        // 2000::/3 is all that is given out; 2001:db8::/32 and 3fff::/20 are for documents.
        if bytes[0] & 0xE0 != 0x20 || word(0) == 0x2001_0DB8
            || (bytes[0] == 0x3F && bytes[1] == 0xFF && bytes[2] < 0x10)
        {
            return .reserved
        }
        return .publicNetwork
    }
}
