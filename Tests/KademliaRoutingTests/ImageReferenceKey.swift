import OCI
import PeerRouting

/// A routing key from what a user types.
struct ImageReferenceKey {
    let key: RoutingKey

    init(_ text: String) throws {
        let image = try ImageReference(text)
        key = RoutingKey(registry: image.registry, repository: image.repository, tag: image.tag ?? .latest)
    }
}
