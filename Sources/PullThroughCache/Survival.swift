package import OCI

/// Whether an image could be pulled with every upstream gone.
package struct Survival: Sendable, Hashable {
    /// What would stop it.
    package enum Obstacle: Sendable, Hashable, CustomStringConvertible {
        /// Nobody has asked Weir what the tag names.
        case tagUnknown
        /// The rule's outage policy no longer serves what the tag named.
        case tooOld
        case manifestMissing
        /// The index has nothing for it.
        case platformMissing(Platform)
        case platformManifestMissing(Platform)
        case blobsMissing(Platform?, count: Int, bytes: Int64)

        package var description: String {
            switch self {
            case .tagUnknown: return "the tag was never asked for through Weir"
            case .tooOld: return "the rule's outage policy does not serve what the tag named"
            case .manifestMissing: return "the manifest is not cached"
            case .platformMissing(let platform): return "there is no image for \(platform)"
            case .platformManifestMissing(let platform): return "the image for \(platform) is not cached"
            case .blobsMissing(let platform, let count, _):
                let place = platform.map { " of \($0)" } ?? ""
                return count == 1 ? "a layer\(place) is not cached" : "\(count) layers\(place) are not cached"
            }
        }
    }

    /// Empty: it can be pulled.
    package var obstacles: [Obstacle] = []
    /// What would be pulled, as far as is known.
    package var digest: Digest?
    /// Whether a pull would give other content than runs now: the tag has moved since.
    package var isOtherContent = false

    package init() {}
}
