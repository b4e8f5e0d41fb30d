#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

extension Format where Value == String {
    /// `HOST:PORT`, IPv6 addresses in brackets; `:PORT` means every address.
    static var listenAddress: Format {
        .scalar(
            "an address to listen on: HOST:PORT", schema: JSONValue.typed("string", "integer"), show: { .string($0) }
        ) {
            text throws(ValueProblem) in
            let advice = "write HOST:PORT, such as '0.0.0.0:5000' or '[::1]:5000'"
            guard let colon = text.lastIndex(of: ":") else {
                throw ValueProblem(UInt16(text) == nil ? "has no port; \(advice)" : "has no host; \(advice)")
            }
            guard UInt16(text[text.index(after: colon)...]) != nil else {
                throw ValueProblem("has no port from 0 to 65535; \(advice)")
            }
            let host = text[..<colon]
            if host.isEmpty { return "0.0.0.0\(text)" }
            if host.hasPrefix("[") {
                guard host.hasSuffix("]"), address(host.dropFirst().dropLast()) == AF_INET6 else {
                    throw ValueProblem("has no IPv6 address in its brackets; \(advice)")
                }
            } else {
                guard !host.contains(":") else { throw ValueProblem("has an IPv6 address without brackets; \(advice)") }
                guard host.utf8.allSatisfy(isHostByte) else { throw ValueProblem("has no host name in it; \(advice)") }
            }
            return text
        }
    }

    /// An address block, `10.0.0.0/8`; an address alone is a block of one.
    static var addressBlock: Format {
        .scalar("an address block, such as '10.0.0.0/8'", schema: JSONValue.typed("string"), show: { .string($0) }) {
            text throws(ValueProblem) in
            let parts = text.split(separator: "/", omittingEmptySubsequences: false)
            guard parts.count <= 2, let family = address(parts[0]) else {
                throw ValueProblem("is no address block; write one such as '10.0.0.0/8' or 'fd00::/8'")
            }
            let longest = family == AF_INET ? 32 : 128
            guard parts.count == 2 else { return "\(text)/\(longest)" }
            guard let length = Int(parts[1]), (0...longest).contains(length),
                parts[1].utf8.allSatisfy({ $0 != UInt8(ascii: "+") })
            else {
                throw ValueProblem("has a prefix length out of range; it is 0 to \(longest)")
            }
            return text
        }
    }
}

/// The family of an IP address; nil for anything else.
private func address(_ text: some StringProtocol) -> CInt? {
    var storage = in6_addr()
    if inet_pton(AF_INET, String(text), &storage) == 1 { return AF_INET }
    if inet_pton(AF_INET6, String(text), &storage) == 1 { return AF_INET6 }
    return nil
}

private func isHostByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "-"):
        true
    default: false
    }
}

extension Format where Value == Secret {
    /// A proxy, which may hold an account: `http://[USER:PASSWORD@]HOST:PORT`.
    static var proxy: Format {
        .scalar(
            "a proxy: http://[USER:PASSWORD@]HOST:PORT", schema: JSONValue.typed("string"),
            show: { .string(ProxyText.masked($0.reveal())) }
        ) { text throws(ValueProblem) in
            guard ProxyText.isWellFormed(text) else {
                throw ValueProblem("is no proxy; write http://HOST:PORT or HOST:PORT")
            }
            return Secret(text)
        }
    }
}

/// Proxy addresses, which may hold an account.
enum ProxyText {
    /// With the account, if there is one, masked.
    static func masked(_ text: String) -> String {
        guard let at = text.lastIndex(of: "@") else { return text }
        let scheme = text.firstRange(of: "://").map { text[..<$0.upperBound] } ?? ""
        return "\(scheme)\(Secret.mask)\(text[at...])"
    }

    static func isWellFormed(_ text: String) -> Bool {
        var rest = text[...]
        if let scheme = rest.firstRange(of: "://") {
            guard rest[..<scheme.lowerBound].lowercased() == "http" else { return false }
            rest = rest[scheme.upperBound...]
        }
        if rest.hasSuffix("/") { rest = rest.dropLast() }
        if let at = rest.lastIndex(of: "@") { rest = rest[rest.index(after: at)...] }
        guard let colon = rest.lastIndex(of: ":"), let port = UInt16(rest[rest.index(after: colon)...]), port > 0 else {
            return false
        }
        let host = rest[..<colon]
        if host.hasPrefix("[") { return host.hasSuffix("]") && address(host.dropFirst().dropLast()) == AF_INET6 }
        return !host.isEmpty && host.utf8.allSatisfy(isHostByte)
    }
}
