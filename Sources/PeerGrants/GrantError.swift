/// Why a grant, or what belongs to it, does not count. The words are safe to log, and are those of metrics.
package enum GrantError: String, Error, Hashable, Sendable, CaseIterable, CustomStringConvertible {
    /// Nothing was shown.
    case missing
    case malformed
    case tooLarge
    /// Signed by a key that is not, or is no longer, trusted.
    case unknownKey
    case wrongSignature
    case expired
    /// Its time has yet to come; or clocks differ by more than they may.
    case notYetValid
    /// Valid for longer than any grant may be.
    case validTooLong
    /// The proof was made too long ago, or clocks differ by more than they may.
    case outOfTime
    /// Shown by another node than the one that it was made for.
    case otherNode
    /// The same proof a second time.
    case replayed
    /// More proofs than can be remembered.
    case tooMany
    /// It is for other repositories.
    case notGranted
    /// Older than what is known already.
    case outdated
    /// Nothing was configured to be trusted, and the way by which it came proves nothing.
    case untrusted
    /// It cannot be signed.
    case unsigned

    package var description: String {
        switch self {
        case .missing: "no grant was shown"
        case .malformed: "it is malformed"
        case .tooLarge: "it is larger than it may be"
        case .unknownKey: "it is signed by a key that is not trusted"
        case .wrongSignature: "its signature is wrong"
        case .expired: "it has expired"
        case .notYetValid: "it is not valid yet; do the clocks agree?"
        case .validTooLong: "it is valid for longer than it may be"
        case .outOfTime: "its proof is too old, or of the future; do the clocks agree?"
        case .otherNode: "it belongs to another node"
        case .replayed: "its proof was shown before"
        case .tooMany: "too many proofs were shown"
        case .notGranted: "it is for other repositories"
        case .outdated: "it is older than what is known"
        case .untrusted: "no key is configured, and it did not come by TLS"
        case .unsigned: "it could not be signed"
        }
    }
}
