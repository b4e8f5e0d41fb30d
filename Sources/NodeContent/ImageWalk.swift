package import OCI

/// Finds what an image consists of, as far as it is here: from an index to its manifests, and on to configurations and
/// layers.
///
/// Manifests never change under their digest, so that each is read once; what is remembered is bounded by the images
/// that are there, and by ``documentLimit``.
package struct ImageWalk: Sendable {
    /// Manifests larger than this are content like any other. Spegel's bound.
    package static let manifestLimitBytes: Int64 = 4 << 20
    private static let documentLimit = 20_000
    private static let depthLimit = 4

    private struct Child {
        let digest: Digest
        let isManifest: Bool
    }

    private var children: [Digest: [Child]] = [:]

    package init() {}

    /// - Parameters:
    ///   - present: whether content is here, whole.
    ///   - read: the bytes of a manifest; nil where it is gone.
    /// - Returns: `root` and what it names, in no particular order; none where `root` is not here.
    package mutating func digests(
        from root: Digest, present: (Digest) -> Bool, read: (Digest) async throws(NodeContentError) -> [UInt8]?
    ) async throws(NodeContentError) -> [Digest] {
        var found: Set<Digest> = []
        var queue: [(digest: Digest, depth: Int)] = present(root) ? [(root, 0)] : []
        while let (digest, depth) = queue.popLast() {
            guard found.insert(digest).inserted, depth < Self.depthLimit else { continue }
            for child in try await named(by: digest, read: read) where present(child.digest) {
                if child.isManifest {
                    queue.append((child.digest, depth + 1))
                } else {
                    found.insert(child.digest)
                }
            }
        }
        return Array(found)
    }

    private mutating func named(
        by digest: Digest, read: (Digest) async throws(NodeContentError) -> [UInt8]?
    ) async throws(NodeContentError) -> [Child] {
        if let known = children[digest] { return known }
        guard let bytes = try await read(digest) else { return [] }
        let manifest = try? Manifest(parsing: bytes, declared: nil, digest: digest)
        let named =
            manifest.map { manifest in
                manifest.manifests.map { Child(digest: $0.digest, isManifest: $0.mediaType.isManifest) }
                    + manifest.blobs.map { Child(digest: $0.digest, isManifest: false) }
            } ?? []
        if children.count >= Self.documentLimit { children = [:] }
        children[digest] = named
        return named
    }

    /// Forgets manifests that are not among `digests`.
    package mutating func keep(_ digests: Set<Digest>) { children = children.filter { digests.contains($0.key) } }
}
