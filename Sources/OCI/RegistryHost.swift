/// The host, and port if any, that names a registry: `docker.io`, `registry.example:5000`, `[::1]:5000`.
///
/// Names are kept in lower case, since DNS does not tell case apart. A port is part of the name: `ghcr.io` and
/// `ghcr.io:443` are two registries, as they are to Docker.
package struct RegistryHost: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// Docker Hub as references write it. Its API answers at `registry-1.docker.io`.
    package static let dockerHub = RegistryHost(name: "docker.io", port: nil)

    /// A DNS name, an IPv4 address, or an IPv6 address in brackets.
    package let name: String
    package let port: UInt16?

    package init(_ text: some StringProtocol) throws(RegistryHostError) {
        guard !text.isEmpty else { throw .empty }
        guard text.utf8.count <= 255 else { throw .tooLong }
        let bytes = text.utf8.map(lowercased)
        let nameEnd: Int
        if bytes.first == UInt8(ascii: "[") {
            guard let bracket = bytes.firstIndex(of: UInt8(ascii: "]")), Self.isAddress6(bytes[1..<bracket]) else {
                throw .malformed
            }
            nameEnd = bracket + 1
        } else {
            nameEnd = bytes.firstIndex(of: UInt8(ascii: ":")) ?? bytes.count
            guard Self.isName(bytes[..<nameEnd]) else { throw .malformed }
        }
        name = String(decoding: bytes[..<nameEnd], as: UTF8.self)
        let rest = bytes[nameEnd...]
        guard let separator = rest.first else {
            port = nil
            return
        }
        guard separator == UInt8(ascii: ":") else { throw .malformed }
        let digits = rest.dropFirst()
        guard (1...5).contains(digits.count), digits.allSatisfy(isDigit),
            let number = UInt16(String(decoding: digits, as: UTF8.self)), number > 0
        else { throw .malformedPort }
        port = number
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
        component.utf8.elementsEqual("localhost".utf8)
            || component.utf8.contains { $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: ":") || isUppercaseLetter($0) }
    }

    /// RFC 1123, 2.1: labels of letters, digits and inner hyphens. No trailing dot: `docker.io.` would be a second
    /// name of the same registry.
    private static func isName(_ name: ArraySlice<UInt8>) -> Bool {
        name.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false).allSatisfy { label in
            guard let first = label.first, let last = label.last, label.count <= 63 else { return false }
            return first != UInt8(ascii: "-") && last != UInt8(ascii: "-")
                && label.allSatisfy { isDigit($0) || isLowercaseLetter($0) || $0 == UInt8(ascii: "-") }
        }
    }

    /// RFC 4291, 2.2: eight groups, of which one run may be left out as `::`, and the last two be an IPv4 address.
    private static func isAddress6(_ text: ArraySlice<UInt8>) -> Bool {
        var groups = text.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
        guard (3...9).contains(groups.count) else { return false }
        // A `::` at either end leaves two empty groups there; a single colon leaves one, and is malformed.
        if groups[0].isEmpty {
            guard groups[1].isEmpty else { return false }
            groups.removeFirst()
        }
        if groups[groups.count - 1].isEmpty {
            guard groups.count == 1 || groups[groups.count - 2].isEmpty else { return false }
            if groups.count > 1 { groups.removeLast() }
        }
        var width = 0
        for (position, group) in groups.enumerated() where !group.isEmpty {
            if position == groups.count - 1, group.contains(UInt8(ascii: ".")) {
                guard isAddress4(group) else { return false }
                width += 2
            } else {
                guard group.count <= 4, group.allSatisfy(isHexadecimal) else { return false }
                width += 1
            }
        }
        switch groups.count(where: \.isEmpty) {
        case 0: return width == 8
        case 1: return width < 8
        default: return false
        }
    }

    private static func isAddress4(_ text: ArraySlice<UInt8>) -> Bool {
        let parts = text.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        return parts.count == 4
            && parts.allSatisfy { part in
                (1...3).contains(part.count) && part.allSatisfy(isDigit)
                    && UInt8(String(decoding: part, as: UTF8.self)) != nil
            }
    }
}

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
