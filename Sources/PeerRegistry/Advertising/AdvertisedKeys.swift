package import NodeContent
package import OCI
package import PeerGrants
package import PeerRouting

/// What a node says it has, and under which names.
package struct AdvertisedKeys: Sendable, Hashable {
    package private(set) var all: Set<RoutingKey> = []
    /// The repositories through which content is known here.
    package private(set) var repositories: [Digest: Set<Place>] = [:]
    /// How many of each there are, by registry.
    package private(set) var tags: [RegistryHost: Int] = [:]
    package private(set) var images: [RegistryHost: Int] = [:]
    package private(set) var contents: [RegistryHost: Int] = [:]

    package typealias Place = RepositoryPlace

    package init() {}

    /// Everything that `filter` lets pass. As Spegel has it: a tag by its whole name, and each digest by itself. A tag
    /// that is not shared, such as `latest`, takes nothing from its digests: they are the same on every node.
    package init(_ list: [NodeImage], filter: RegistryFilter) {
        var contents: [RegistryHost: Set<Digest>] = [:]
        for image in list where !image.digests.isEmpty {
            guard filter.allows(image.registry, image.repository) else { continue }
            if let tag = image.tag {
                if filter.allows(image.registry, image.repository, tag) {
                    all.insert(RoutingKey(registry: image.registry, repository: image.repository, tag: tag))
                    tags[image.registry, default: 0] += 1
                }
            } else {
                images[image.registry, default: 0] += 1
            }
            let place = Place(image.registry, image.repository)
            // One set for all of an image's content, most of which is in no other repository.
            let alone: Set<Place> = [place]
            for digest in image.digests {
                all.insert(RoutingKey(digest))
                if repositories[digest] == nil {
                    repositories[digest] = alone
                } else {
                    repositories[digest]?.insert(place)
                }
                contents[image.registry, default: []].insert(digest)
            }
        }
        self.contents = contents.mapValues(\.count)
    }
}
