internal import Glibc

/// The proxy of one connection.
package struct ProxyAddress: Sendable, Hashable, CustomStringConvertible {
    package let host: String
    package let port: Int
    package let username: String?
    package let password: String?

    /// Reads `[http://][USER:PASSWORD@]HOST:PORT[/]`; nil for anything else. Without a port, 80 is meant for `http://`.
    package init?(_ text: String) {
        var rest = text[...]
        var hasScheme = false
        if let end = rest.firstRange(of: "://") {
            guard rest[..<end.lowerBound].lowercased() == "http" else { return nil }
            rest = rest[end.upperBound...]
            hasScheme = true
        }
        if rest.hasSuffix("/") { rest = rest.dropLast() }
        if let at = rest.lastIndex(of: "@") {
            let pair = rest[..<at].split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            username = percentDecoded(pair[0])
            password = pair.count > 1 ? percentDecoded(pair[1]) : ""
            rest = rest[rest.index(after: at)...]
        } else {
            username = nil
            password = nil
        }
        let name: Substring
        let portText: Substring?
        if rest.hasPrefix("[") {
            guard let end = rest.firstIndex(of: "]") else { return nil }
            name = rest[rest.index(after: rest.startIndex)..<end]
            let after = rest[rest.index(after: end)...]
            guard after.isEmpty || after.hasPrefix(":") else { return nil }
            portText = after.isEmpty ? nil : after.dropFirst()
        } else {
            let parts = rest.split(separator: ":", omittingEmptySubsequences: false)
            guard parts.count <= 2, let first = parts.first else { return nil }
            name = first
            portText = parts.count == 2 ? parts[1] : nil
        }
        guard !name.isEmpty, !name.contains(where: { "/?# ".contains($0) }) else { return nil }
        if let portText {
            guard let port = UInt16(portText), port > 0 else { return nil }
            self.port = Int(port)
        } else {
            guard hasScheme else { return nil }
            port = 80
        }
        host = name.lowercased()
    }

    /// Without the password.
    package var description: String { "\(host):\(port)" }
}

extension ProxySettings {
    /// What to connect through to reach `target`: the setting for its scheme, or nil where it is an exception or the
    /// setting is empty.
    ///
    /// The semantics are those that curl, Go and Python agree on; loopback is always direct, as in Go.
    package func decision(for target: WebAddress) -> ProxyDecision {
        guard let text = target.scheme == .https ? https : http, !text.isEmpty else { return .direct }
        if AddressClass.ofLiteral(target.host) == .loopback || isException(target) { return .direct }
        return ProxyAddress(text).map { .through($0) } ?? .malformed
    }

    private func isException(_ target: WebAddress) -> Bool {
        let address = AddressBits(target.host)
        return exceptions.contains { exception in
            let text = exception.lowercased().filter { $0 != " " && $0 != "\t" }
            guard !text.isEmpty else { return false }
            if text == "*" { return true }
            if let slash = text.firstIndex(of: "/") {
                guard let network = AddressBits(String(text[..<slash])), let address,
                    let length = Int(text[text.index(after: slash)...])
                else { return false }
                return address.isIn(network, length: length)
            }
            var (name, port) = (text, Int?.none)
            if text.hasPrefix("["), let end = text.firstIndex(of: "]") {
                name = String(text[text.index(after: text.startIndex)..<end])
                let after = text[text.index(after: end)...]
                if after.hasPrefix(":") { port = Int(after.dropFirst()) }
            } else if text.count(where: { $0 == ":" }) == 1, let colon = text.firstIndex(of: ":") {
                name = String(text[..<colon])
                port = Int(text[text.index(after: colon)...])
            }
            if let port, port != target.port { return false }
            if let exact = AddressBits(name) { return exact == address }
            // `example.com` and `.example.com` both mean everything under it; the former means itself, too.
            if name.hasPrefix("*.") { name.removeFirst() }
            if name.hasPrefix(".") { return target.host.hasSuffix(name) }
            return target.host == name || target.host.hasSuffix("." + name)
        }
    }
}

/// How to reach a target.
package enum ProxyDecision: Sendable, Hashable {
    case direct
    case through(ProxyAddress)
    /// The setting cannot be read: nothing is contacted then, since going past a proxy may be forbidden.
    case malformed
}

/// An IP address as bits; IPv4-mapped ones as IPv4.
private struct AddressBits: Equatable {
    let bytes: [UInt8]

    init?(_ text: String) {
        var four = in_addr()
        var six = in6_addr()
        if inet_pton(AF_INET, text, &four) == 1 {
            bytes = withUnsafeBytes(of: four) { Array($0) }
        } else if inet_pton(AF_INET6, text, &six) == 1 {
            let all = withUnsafeBytes(of: six) { Array($0) }
            let isMapped = all.prefix(10).allSatisfy { $0 == 0 } && all[10] == 0xFF && all[11] == 0xFF
            bytes = isMapped ? Array(all.suffix(4)) : all
        } else {
            return nil
        }
    }

    func isIn(_ network: AddressBits, length: Int) -> Bool {
        guard network.bytes.count == bytes.count, (0...(bytes.count * 8)).contains(length) else { return false }
        let whole = length / 8
        guard bytes.prefix(whole) == network.bytes.prefix(whole) else { return false }
        let bits = length % 8
        return bits == 0 || (bytes[whole] ^ network.bytes[whole]) >> (8 - bits) == 0
    }
}
