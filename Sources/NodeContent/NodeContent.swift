package import BlobStore
package import OCI

/// What this node has of images, whoever keeps it: containerd, or Weir's own store.
///
/// Nothing is fetched and nothing is kept by it. All functions may be called concurrently.
package protocol NodeContent: Sendable {
    /// The digest that a tag names on this node; nil where it names none here.
    func digest(
        of tag: Tag, in repository: RepositoryName, of registry: RegistryHost
    ) async throws(NodeContentError) -> Digest?

    /// Opens content that is whole; nil where it is not here. The reader stays usable when the content is removed.
    func open(_ digest: Digest) async throws(NodeContentError) -> (any BlobReader)?

    /// Every image with a name, and what of it is here.
    func images() async throws(NodeContentError) -> [NodeImage]

    /// Calls `changed` after every change of what ``images()`` would tell, and once at the beginning, when it is certain
    /// that no later change is missed. Goes on until it is cancelled.
    /// - Throws: where the keeper can no longer be followed, as when containerd stops; to be called again then.
    func follow(_ changed: @escaping @Sendable () -> Void) async throws(NodeContentError)
}

/// A name of an image, with the content that it leads to on this node.
package struct NodeImage: Sendable, Hashable {
    package let registry: RegistryHost
    package let repository: RepositoryName
    /// Nil for an image that is known by its digest alone.
    package let tag: Tag?
    /// Manifests, configurations and layers that are here, whole.
    package let digests: [Digest]

    package init(registry: RegistryHost, repository: RepositoryName, tag: Tag?, digests: [Digest]) {
        self.registry = registry
        self.repository = repository
        self.tag = tag
        self.digests = digests
    }
}

/// Why nobody can say what is here. That something is not here is no error.
package enum NodeContentError: Error, Hashable, CustomStringConvertible {
    /// The keeper does not answer; the words say why, and hold no secret.
    case unavailable(String)
    /// Its answer cannot be understood, or is larger than it may be.
    case malformed(String)
    /// The content is there and cannot be read.
    case unreadable(String)

    package var description: String {
        switch self {
        case .unavailable(let reason): "the keeper of the content does not answer: \(reason)"
        case .malformed(let reason): "the keeper of the content answers what cannot be understood: \(reason)"
        case .unreadable(let reason): "content cannot be read: \(reason)"
        }
    }
}
