internal import OCI
package import Rules

/// Decides for which namespace a node pulls.
///
/// A node pulls for all of its pods from one address. Of the pods on it, those count that use the image; where the tag
/// tells none of them apart, those that use its repository, since an index is followed by manifests that no pod names.
/// Of these, pods whose image does not run yet come first, since somebody waits for them. Where pods of several
/// namespaces are left, it is the first of these in the order of their names: the same each time.
package enum PullingNamespace {
    /// - Parameters:
    ///   - reference: what was pulled: a tag, or a digest.
    ///   - uses: of the pods on the node.
    package static func find(
        pulling reference: String, of repository: RepositoryKey,
        among uses: some Sequence<(namespace: String, use: PodImages.Use)>, resolver: RunningImageResolver
    ) -> String? {
        let last = repository.name.description.split(separator: "/").last.map(String.init) ?? ""
        var best: (rank: Int, namespace: String)?
        for (namespace, use) in uses where use.image.contains(last) {
            guard let image = try? resolver.resolve(use), image.repository == repository else { continue }
            let isNamed = image.references.contains { $0.description == reference }
            let rank = (isNamed ? 0 : 2) + (use.imageID.isEmpty ? 0 : 1)
            if let best, best.rank < rank || (best.rank == rank && best.namespace <= namespace) { continue }
            best = (rank, namespace)
        }
        return best?.namespace
    }
}
