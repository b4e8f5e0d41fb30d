package import NIOCore

/// `HOST:PORT` to listen on.
package struct ListenAddress: Sendable, Hashable {
    /// A name or an address, without brackets.
    package let host: String
    package let port: Int

    /// Returns nil for anything malformed.
    package init?(_ text: String) {
        guard let colon = text.lastIndex(of: ":") else { return nil }
        let digits = text[text.index(after: colon)...]
        guard (1...5).contains(digits.utf8.count),
            digits.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }),
            let port = Int(digits), port <= 65_535
        else { return nil }
        self.port = port
        let host = text[..<colon]
        if host.hasPrefix("["), host.hasSuffix("]"), host.utf8.count > 2 {
            self.host = String(host.dropFirst().dropLast())
        } else {
            guard !host.contains(":"), !host.contains("[") else { return nil }
            // As usual: no host means every address.
            self.host = host.isEmpty ? "::" : String(host)
        }
    }

    /// An address that is listened on, in the same form.
    package static func text(_ address: SocketAddress) -> String {
        let host = address.ipAddress ?? "?"
        return host.contains(":") ? "[\(host)]:\(address.port ?? 0)" : "\(host):\(address.port ?? 0)"
    }
}
