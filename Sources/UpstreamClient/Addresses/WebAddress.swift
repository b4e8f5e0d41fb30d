package import FoundationEssentials

/// An absolute `http:` or `https:` address, taken apart once.
///
/// Holds the same `URL` value that is given to the HTTP client, so that what is judged is what is contacted.
package struct WebAddress: Sendable, Hashable, CustomStringConvertible {
    package enum Scheme: String, Sendable, Hashable { case http, https }

    /// Addresses longer than this, in bytes, are refused; signed ones reach some thousands.
    package static let lengthLimit = 16_384

    package let scheme: Scheme
    /// In lower case; an IPv6 address without brackets, a name without the root's dot.
    package let host: String
    package let port: Int
    package let url: URL

    package init(_ text: String) throws(WebAddressError) { try self.init(text, against: nil) }

    /// Resolves a `Location` against the address it was found at. RFC 3986, 5.2.
    package init(_ reference: String, relativeTo base: WebAddress) throws(WebAddressError) {
        try self.init(reference, against: base.url)
    }

    private init(_ text: String, against base: URL?) throws(WebAddressError) {
        guard !text.isEmpty, text.utf8.count <= Self.lengthLimit,
            text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "\\") }),
            let url = URL(string: text, relativeTo: base)?.absoluteURL
        else { throw .malformed }
        guard let scheme = url.scheme.flatMap({ Scheme(rawValue: $0.lowercased()) }) else { throw .unsupportedScheme }
        guard url.user == nil, url.password == nil else { throw .hasCredentials }
        guard let host = url.host(percentEncoded: true).flatMap(Self.normalized) else { throw .malformedHost }
        let port = url.port ?? (scheme == .https ? 443 : 80)
        guard (1...65_535).contains(port) else { throw .malformedHost }
        self.scheme = scheme
        self.host = host
        self.port = port
        self.url = url
    }

    private static func normalized(_ text: String) -> String? {
        var host = text.lowercased()
        if host.hasPrefix("["), host.hasSuffix("]") { host = String(host.dropFirst().dropLast()) }
        if host.hasSuffix(".") { host.removeLast() }
        // Names and addresses only: no zone, no percent-encoding, nothing that two parsers might read differently.
        let isPlain = host.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"),
                UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: ":"):
                true
            default: false
            }
        }
        return (1...253).contains(host.utf8.count) && isPlain ? host : nil
    }

    /// Whether both name the same scheme, host and port. RFC 6454.
    package func hasSameOrigin(as other: WebAddress) -> Bool {
        scheme == other.scheme && host == other.host && port == other.port
    }

    /// Safe to log: without query and fragment, which carry signatures.
    package var description: String {
        let isDefaultPort = port == (scheme == .https ? 443 : 80)
        let name = host.contains(":") ? "[\(host)]" : host
        return "\(scheme.rawValue)://\(name)\(isDefaultPort ? "" : ":\(port)")\(url.path(percentEncoded: true))"
    }
}

/// Why a text is no address that could be contacted.
package enum WebAddressError: Error, Hashable, CustomStringConvertible {
    case malformed
    case unsupportedScheme
    case hasCredentials
    case malformedHost

    package var description: String {
        switch self {
        case .malformed: "the address is malformed"
        case .unsupportedScheme: "the address is neither http nor https"
        case .hasCredentials: "the address carries credentials"
        case .malformedHost: "the address names no proper host"
        }
    }
}
