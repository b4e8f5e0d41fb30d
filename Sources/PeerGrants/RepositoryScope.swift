package import OCI

/// Repositories that are meant together: one, all below a prefix, all of a registry, or all.
///
/// Written `ghcr.io/team/app`, `ghcr.io/team/*` (everything below, at any depth), `ghcr.io/*` and `*`.
package struct RepositoryScope: Sendable, Hashable, CustomStringConvertible {
    private enum Form: Hashable {
        case everything
        case registry(RegistryHost)
        /// Ends with a slash.
        case below(RegistryHost, prefix: String)
        case repository(RegistryHost, RepositoryName)
    }

    private let form: Form

    /// - Throws: ``GrantError/malformed`` for anything else than the four forms.
    package init(_ text: some StringProtocol) throws(GrantError) {
        guard text.utf8.count <= Self.lengthMax else { throw .malformed }
        if text == "*" {
            form = .everything
            return
        }
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, let host = try? RegistryHost(parts[0]) else { throw .malformed }
        let registry = host.canonical
        if parts[1] == "*" {
            form = .registry(registry)
        } else if parts[1].hasSuffix("/*") {
            guard let name = try? RepositoryName(parts[1].dropLast(2)) else { throw .malformed }
            form = .below(registry, prefix: "\(name)/")
        } else {
            guard let name = try? RepositoryName(parts[1]) else { throw .malformed }
            form = .repository(registry, name)
        }
    }

    package func covers(_ place: RepositoryPlace) -> Bool {
        switch form {
        case .everything: true
        case .registry(let registry): registry == place.registry
        case .below(let registry, let prefix):
            registry == place.registry && place.repository.description.hasPrefix(prefix)
        case .repository(let registry, let repository):
            registry == place.registry && repository == place.repository
        }
    }

    package var description: String {
        switch form {
        case .everything: "*"
        case .registry(let registry): "\(registry)/*"
        case .below(let registry, let prefix): "\(registry)/\(prefix)*"
        case .repository(let registry, let repository): "\(registry)/\(repository)"
        }
    }

    /// A host's and a repository's longest names.
    private static let lengthMax = 255 + 1 + RepositoryName.lengthLimit + 2
}

/// A repository at its registry; Docker's other names for Docker Hub are `docker.io`.
package struct RepositoryPlace: Sendable, Hashable {
    package let registry: RegistryHost
    package let repository: RepositoryName

    package init(_ registry: RegistryHost, _ repository: RepositoryName) {
        self.registry = registry.canonical
        self.repository = repository
    }
}
