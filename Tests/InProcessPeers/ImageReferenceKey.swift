internal import OCI
package import PeerRouting

/// A routing key from what a user types.
package struct ImageReferenceKey {
    package let key: RoutingKey

    package init(_ text: String) throws {
        let image = try ImageReference(text)
        key = RoutingKey(registry: image.registry, repository: image.repository, tag: image.tag ?? .latest)
    }
}
