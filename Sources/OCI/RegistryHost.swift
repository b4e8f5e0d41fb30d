/// The host, and port if any, that names a registry: `docker.io`, `registry.example:5000`, `[::1]:5000`.
///
/// Names are kept in lower case, since DNS does not tell case apart.
package struct RegistryHost: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// Docker Hub as references write it. Its API answers at `registry-1.docker.io`.
    package static let dockerHub = RegistryHost(name: "docker.io", port: nil)

    /// A DNS name, an IPv4 address, or an IPv6 address in brackets.
    package let name: String
    package let port: UInt16?

    package init(_ text: some StringProtocol) throws(RegistryHostError) {
        let text = text.lowercased()
        guard !text.isEmpty else { throw .empty }
        guard text.utf8.count <= 255 else { throw .tooLong }
        var name = text[...]
        var portText: Substring?
        if text.hasPrefix("[") {
            guard let end = text.firstIndex(of: "]") else { throw .malformed }
            name = text[...end]
            let rest = text[text.index(after: end)...]
            guard rest.isEmpty || rest.hasPrefix(":") else { throw .malformed }
            portText = rest.isEmpty ? nil : rest.dropFirst()
            guard Self.isAddress6(name.dropFirst().dropLast()) else { throw .malformed }
        } else {
            if let colon = text.firstIndex(of: ":") {
                name = text[..<colon]
                portText = text[text.index(after: colon)...]
            }
            guard Self.isName(name) else { throw .malformed }
        }
        if let portText {
            guard (1...5).contains(portText.utf8.count), portText.utf8.allSatisfy(isDigit),
                let port = UInt16(portText), port > 0
            else { throw .malformedPort }
            self.port = port
        } else {
            port = nil
        }
        self.name = String(name)
    }

    private init(name: String, port: UInt16?) {
        self.name = name
        self.port = port
    }

    package var description: String { port.map { "\(name):\($0)" } ?? name }

    /// Docker's other names for Docker Hub become `docker.io`; every other host stays as it is.
    package var canonical: RegistryHost {
        switch description {
        case "index.docker.io", "registry-1.docker.io", "registry.hub.docker.com": .dockerHub
        default: self
        }
    }

    package static func < (left: RegistryHost, right: RegistryHost) -> Bool { left.description < right.description }

    /// Whether Docker's rule takes the first component of a reference for a host: it has a dot or a port, is
    /// `localhost`, or has an upper-case letter (no repository component may).
    package static func isLikelyHost(_ component: some StringProtocol) -> Bool {
        component == "localhost" || component.contains(".") || component.contains(":")
            || component.utf8.contains { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) }
    }

    private static func isName(_ name: Substring) -> Bool {
        name.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false).allSatisfy { label in
            guard let first = label.first, let last = label.last, label.count <= 63 else { return false }
            return first != UInt8(ascii: "-") && last != UInt8(ascii: "-")
                && label.allSatisfy {
                    isDigit($0) || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0) || $0 == UInt8(ascii: "-")
                }
        }
    }

    private static func isAddress6(_ text: Substring) -> Bool {
        text.utf8.count >= 2 && text.utf8.count <= 45 && text.contains(":")
            && text.utf8.allSatisfy {
                isDigit($0) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains($0) || $0 == UInt8(ascii: ":")
                    || $0 == UInt8(ascii: ".")
            }
    }
}

private func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }

/// Why a text names no registry.
package enum RegistryHostError: Error, Hashable, CustomStringConvertible {
    case empty
    case tooLong
    case malformed
    case malformedPort

    package var description: String {
        switch self {
        case .empty: "the registry host is empty"
        case .tooLong: "the registry host is longer than 255 characters"
        case .malformed: "a registry host is a DNS name, an IPv4 address, or an IPv6 address in brackets"
        case .malformedPort: "a port is a number from 1 to 65535"
        }
    }
}
