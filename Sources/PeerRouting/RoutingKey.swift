package import OCI

/// What peers are asked for: a digest, or a tag of a repository of a registry.
///
/// The text is Spegel's, so that both find each other's content: `sha256:<hex>` without any repository, since a layer
/// is the same wherever it came from, or `docker.io/library/nginx:1.27.4`.
package struct RoutingKey: Sendable, Hashable, CustomStringConvertible {
    package let description: String

    package init(_ digest: Digest) { description = digest.description }

    package init(registry: RegistryHost, repository: RepositoryName, tag: Tag) {
        description = "\(registry)/\(repository):\(tag)"
    }
}
