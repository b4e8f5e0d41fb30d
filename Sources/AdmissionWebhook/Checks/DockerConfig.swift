package import Credentials
internal import ImageRewriting
internal import JSON
package import OCI

/// The accounts of a `.dockerconfigjson`. Never printed.
package struct DockerConfig: Sendable {
    /// Kubernetes allows a secret 1 MiB.
    package static let sizeLimitBytes = 1 << 20

    private struct Entry {
        var key: String
        var credentials: AccountCredentials
    }

    private let entries: [Entry]

    /// - Throws: what is wrong, in words that hold nothing of the content.
    package init(_ bytes: [UInt8]) throws(DockerConfigError) {
        guard let document = try? JSONDocument(bytes, limits: .init(bytes: Self.sizeLimitBytes, depth: 8)) else {
            throw .notJSON
        }
        guard let auths = document.root["auths"], auths.isObject else { throw .noAccounts }
        // Longer keys first: they say more.
        entries = auths.members.compactMap { key, account in
            Self.credentials(account).map { Entry(key: key, credentials: $0) }
        }.sorted { ($0.key.utf8.count, $0.key) > ($1.key.utf8.count, $1.key) }
    }

    private static func credentials(_ account: JSONNode) -> AccountCredentials? {
        if let token = account["identitytoken"]?.string, !token.isEmpty { return .refreshToken(token) }
        if let text = account["auth"]?.string, !text.isEmpty, let bytes = Base64.decoded(text.utf8),
            let colon = bytes.firstIndex(of: UInt8(ascii: ":"))
        {
            return .basic(
                username: String(decoding: bytes[..<colon], as: UTF8.self),
                password: String(decoding: bytes[(colon + 1)...], as: UTF8.self))
        }
        guard let user = account["username"]?.string, let password = account["password"]?.string, !user.isEmpty else {
            return nil
        }
        return .basic(username: user, password: password)
    }

    /// The account for an image; nil where there is none.
    /// - Parameter takesKeysAsPatterns: also try keys as regular expressions against the whole image, as
    ///   harbor-container-webhook does, where none names its registry.
    package func credentials(for image: ImageReference, takesKeysAsPatterns: Bool) -> AccountCredentials? {
        if let entry = entries.first(where: { Self.names($0.key, image) }) { return entry.credentials }
        guard takesKeysAsPatterns else { return nil }
        let input = PatternInput(image.description)
        return entries.first { (try? Pattern($0.key))?.matches(input) == true }?.credentials
    }

    /// `https://index.docker.io/v1/`, `registry.example:5000`, `ghcr.io/team`: a scheme and what Docker's own client
    /// puts after a host say nothing, a path names repositories from their beginning.
    private static func names(_ key: String, _ image: ImageReference) -> Bool {
        var rest = key[...]
        if let scheme = rest.firstRange(of: "://") { rest = rest[scheme.upperBound...] }
        let host = rest.prefix { $0 != "/" }
        var path = rest[host.endIndex...].drop { $0 == "/" }
        while path.hasSuffix("/") { path = path.dropLast() }
        guard (try? RegistryHost(host))?.canonical == image.registry else { return false }
        let repository = image.repository.description
        return path.isEmpty || path == "v1" || path == "v2" || repository == path || repository.hasPrefix("\(path)/")
    }
}

package enum DockerConfigError: Error, Hashable, CustomStringConvertible {
    case notJSON
    case noAccounts

    package var description: String {
        switch self {
        case .notJSON: "'.dockerconfigjson' is no JSON"
        case .noAccounts: "'.dockerconfigjson' has no 'auths'"
        }
    }
}
