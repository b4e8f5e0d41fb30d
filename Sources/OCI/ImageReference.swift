/// A full name of an image: registry, repository, and a tag, a digest, or both.
///
/// Normalised as Docker does: `nginx` is `docker.io/library/nginx:latest`. Where a tag and a digest are given both
/// are kept, since the digest says what to pull and the tag what the user meant.
package struct ImageReference: Sendable, Hashable, CustomStringConvertible {
    package let registry: RegistryHost
    package let repository: RepositoryName
    package let tag: Tag?
    package let digest: Digest?

    package init(registry: RegistryHost, repository: RepositoryName, tag: Tag?, digest: Digest?) {
        self.registry = registry
        self.repository = repository
        self.tag = tag == nil && digest == nil ? .latest : tag
        self.digest = digest
    }

    /// Parses what a user types after `docker pull`.
    package init(_ text: some StringProtocol) throws(ReferenceError) {
        // Registry, name, tag and digest at their limits together; anything longer is no reference.
        guard text.utf8.count <= 1024 else { throw .tooLong }
        guard text.utf8.count != 64 || !text.utf8.allSatisfy({ isHexadecimal($0) && !isUppercaseLetter($0) }) else {
            throw .imageIdentifier
        }
        var rest = text[text.startIndex...]
        var digest: Digest?
        if let at = rest.firstIndex(of: "@") {
            do { digest = try Digest(rest[rest.index(after: at)...]) } catch { throw .digest(error) }
            rest = rest[..<at]
        }
        var tag: Tag?
        if let colon = rest.lastIndex(of: ":"), !rest[colon...].contains("/") {
            do { tag = try Tag(rest[rest.index(after: colon)...]) } catch { throw .tag(error) }
            rest = rest[..<colon]
        }
        var host = RegistryHost.dockerHub
        var path = String(rest)
        if let slash = rest.firstIndex(of: "/"), RegistryHost.isLikelyHost(rest[..<slash]) {
            do { host = try RegistryHost(rest[..<slash]).canonical } catch { throw .registry(error) }
            // `Registry/a` names the host `registry`, and could never be told from Docker Hub's `registry/a` again.
            guard RegistryHost.isLikelyHost(host.description) else { throw .registry(.malformed) }
            path = String(rest[rest.index(after: slash)...])
        }
        if host == .dockerHub, !path.contains("/") { path = path.isEmpty ? path : "library/\(path)" }
        do {
            self.init(registry: host, repository: try RepositoryName(path), tag: tag, digest: digest)
        } catch {
            throw .repository(error)
        }
    }

    /// What a registry is asked for: the digest where there is one.
    package var reference: ManifestReference {
        if let digest { .digest(digest) } else { .tag(tag ?? .latest) }
    }

    package var description: String {
        var text = "\(registry)/\(repository)"
        if let tag { text += ":\(tag)" }
        if let digest { text += "@\(digest)" }
        return text
    }
}

/// Why a text is no reference.
package enum ReferenceError: Error, Hashable, CustomStringConvertible {
    case tooLong
    /// 64 hexadecimal digits: Docker takes them for the local identifier of an image, never for a repository.
    case imageIdentifier
    case registry(RegistryHostError)
    case repository(RepositoryNameError)
    case tag(TagError)
    case digest(DigestError)

    package var description: String {
        switch self {
        case .tooLong: "the reference is longer than 1024 bytes"
        case .imageIdentifier: "64 hexadecimal digits are an image's local identifier and no reference"
        case .registry(let error): error.description
        case .repository(let error): error.description
        case .tag(let error): error.description
        case .digest(let error): error.description
        }
    }
}
