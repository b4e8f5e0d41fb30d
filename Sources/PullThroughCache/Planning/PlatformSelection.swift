package import OCI

/// Which platforms of a multi-platform image are meant.
package enum PlatformSelection: Sendable, Hashable {
    case all
    case some([Platform])

    /// How many manifests below an index are to be expected, where the index is not known.
    var expectedCount: Int {
        switch self {
        case .all: 1
        case .some(let platforms): platforms.count
        }
    }

    /// The children of an index that are meant, each once, in the index's order. Attestations and the like, which run
    /// on no platform, belong to ``all`` alone.
    func children(of index: Manifest) -> [Descriptor] {
        var seen: Set<Digest> = []
        return index.manifests.filter { child in
            let isMeant: Bool =
                switch self {
                case .all: true
                case .some(let platforms):
                    child.platform.map { own in platforms.contains { own.satisfies($0) } } ?? false
                }
            return isMeant && seen.insert(child.digest).inserted
        }
    }

    /// Platforms that were asked for by name, and that `index` has not.
    func absent(from index: Manifest) -> [Platform] {
        guard case .some(let platforms) = self else { return [] }
        return platforms.filter { wanted in
            !index.manifests.contains { $0.platform?.satisfies(wanted) ?? false }
        }
    }
}

extension Platform {
    /// Whether this is what is meant by `wanted`: without a variant any of them, and `v8` is what `arm64` is anyway.
    fileprivate func satisfies(_ wanted: Platform) -> Bool {
        guard os == wanted.os, architecture == wanted.architecture else { return false }
        guard let variant = wanted.variant else { return true }
        return variant == self.variant || (architecture == "arm64" && variant == "v8" && self.variant == nil)
    }
}
