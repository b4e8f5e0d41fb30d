#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// An IP address. An IPv4 address that arrives through an IPv6 socket (`::ffff:192.0.2.1`) is that IPv4 address.
struct NetworkAddress: Sendable, Hashable {
    /// 4 or 16, in network order.
    let bytes: [UInt8]

    /// Returns nil for anything but an address in figures. A zone (`fe80::1%eth0`) is left out.
    init?(_ text: some StringProtocol) {
        let text = String(text.prefix { $0 != "%" })
        var address4 = in_addr()
        if inet_pton(AF_INET, text, &address4) == 1 {
            bytes = withUnsafeBytes(of: address4) { Array($0) }
            return
        }
        var address6 = in6_addr()
        guard inet_pton(AF_INET6, text, &address6) == 1 else { return nil }
        let all = withUnsafeBytes(of: address6) { Array($0) }
        bytes = all.starts(with: Self.mappedPrefix) ? Array(all.dropFirst(12)) : all
    }

    /// RFC 4291, 2.5.5.2.
    private static let mappedPrefix: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF]

    /// In figures.
    var description: String {
        guard bytes.count == 16 else { return bytes.map { String($0) }.joined(separator: ".") }
        var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        guard bytes.withUnsafeBytes({ inet_ntop(AF_INET6, $0.baseAddress, &text, socklen_t(INET6_ADDRSTRLEN)) }) != nil
        else { return "::" }
        return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}

/// A block of addresses in CIDR notation: `10.0.0.0/8`, `fd00::/8`, or a single address. RFC 4632, RFC 4291.
package struct AddressBlock: Sendable, Hashable {
    private let bytes: [UInt8]
    private let prefixBits: Int

    /// Returns nil for anything malformed.
    package init?(_ text: some StringProtocol) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let address = parts.first.flatMap({ NetworkAddress($0) }) else { return nil }
        bytes = address.bytes
        guard parts.count == 2 else {
            prefixBits = bytes.count * 8
            return
        }
        guard (1...3).contains(parts[1].utf8.count),
            parts[1].utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }),
            var bits = Int(parts[1])
        else { return nil }
        // The length of a prefix of mapped addresses counts from the IPv6 address's beginning.
        if bytes.count == 4, parts[0].contains(":") { bits -= 96 }
        guard (0...bytes.count * 8).contains(bits) else { return nil }
        prefixBits = bits
    }

    func contains(_ address: NetworkAddress) -> Bool {
        guard address.bytes.count == bytes.count else { return false }
        let whole = prefixBits / 8
        guard address.bytes.prefix(whole).elementsEqual(bytes.prefix(whole)) else { return false }
        let rest = prefixBits % 8
        guard rest > 0 else { return true }
        let mask = UInt8(truncatingIfNeeded: 0xFF00 >> rest)
        return address.bytes[whole] & mask == bytes[whole] & mask
    }
}
