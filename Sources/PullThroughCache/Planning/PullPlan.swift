package import OCI
package import Rules

/// What pulling an image would take, as far as that can be known without pulling.
package struct PullPlan: Sendable, Hashable {
    package enum Holding: String, Sendable, Hashable {
        /// Everything is here.
        case cached
        /// Some of it is.
        case partly
        case absent
        /// The upstream says that there is no such image.
        case unknown
    }

    package var repository: RepositoryKey
    package var reference: ManifestReference
    /// What the reference names as far as is known.
    package var digest: Digest?
    package var holding = Holding.absent
    /// Manifest GETs that the upstream would count.
    package var pulls = 0
    /// Whether ``pulls`` is certain. Otherwise it is what a multi-platform image costs, which a plain one is below.
    package var arePullsExact = true
    /// Blobs of the platforms meant that are not stored, with their bytes.
    package var missing: [Digest: Int64] = [:]
    /// The bytes of those that are.
    package var storedBytes: Int64 = 0
    /// Whether ``missing`` names everything: a manifest that is not stored keeps to itself what it names.
    package var areBytesKnown = true
    /// Platforms that were asked for, and that the image has not.
    package var absentPlatforms: [Platform] = []

    package init(repository: RepositoryKey, reference: ManifestReference) {
        self.repository = repository
        self.reference = reference
    }

    package var missingBytes: Int64 { missing.values.reduce(0, +) }
}
