package import OCI
package import Upstream

/// Why the cache has no answer. RegistryServer alone maps these to statuses and error codes.
package enum CacheError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The upstream has no such manifest, or said so recently.
    case manifestUnknown
    case blobUnknown
    /// The upstream has no such repository.
    case nameUnknown
    /// No rule of that name any longer.
    case ruleUnknown
    /// The upstream failed, and nothing cached may stand in.
    case upstream(UpstreamError)
    /// What the upstream sent is no manifest that can be served.
    case manifestInvalid(ManifestError)
    /// What the upstream sent is not what its digest says.
    case digestMismatch(expected: Digest, actual: Digest)
    /// What the upstream sent has another size than it, or the manifest, announced.
    case sizeMismatch(expected: Int64, actual: Int64)
    /// A bound of Weir's own: too many fills or waiting clients.
    case overloaded(retryAfter: Duration)
    /// Weir's own disk or catalogue failed.
    case storage(String)
    case cancelled

    package var description: String {
        switch self {
        case .manifestUnknown: "manifest unknown"
        case .blobUnknown: "blob unknown to the repository"
        case .nameUnknown: "repository name not known to the registry"
        case .ruleUnknown: "the rule was removed"
        case .upstream(let error): error.description
        case .manifestInvalid(let error): error.description
        case .digestMismatch(let expected, let actual):
            "the upstream sent content with digest \(actual) in place of \(expected)"
        case .sizeMismatch(let expected, let actual):
            "the upstream sent \(actual) bytes in place of \(expected)"
        case .overloaded: "too many transfers are waiting; try again later"
        case .storage(let reason): reason
        case .cancelled: "the request was cancelled"
        }
    }
}
