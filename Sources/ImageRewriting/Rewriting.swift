package import OCI

/// What the rules make of one image.
package struct Rewriting: Sendable, Hashable {
    /// As it was written.
    package let original: String
    /// What may be put in its place, in the rules' order, each different. Whoever can check asks for the first that
    /// passes its own check; whoever cannot takes the first.
    package let candidates: [RewriteCandidate]
    /// Why there are no candidates; nil where there are.
    package let reason: UnchangedReason?

    /// The first candidate's image, else the original, byte for byte.
    package var image: String { candidates.first?.image ?? original }

    init(_ original: String, candidates: [RewriteCandidate]) {
        self.original = original
        self.candidates = candidates
        reason = candidates.isEmpty ? .noRule : nil
    }

    init(_ original: String, unchanged reason: UnchangedReason) {
        self.original = original
        candidates = []
        self.reason = reason
    }
}

/// What one rule makes of an image.
package struct RewriteCandidate: Sendable, Hashable {
    package let image: String
    /// The rule's name.
    package let rule: String
    /// What has to be true of ``image`` before it may be used; nil where nothing has.
    package let check: UpstreamCheck?
    /// Secrets that a pod needs to pull ``image``; see ``RewriteRule/pullSecrets``.
    package let pullSecrets: [String]

    package init(image: String, rule: String, check: UpstreamCheck?, pullSecrets: [String] = []) {
        self.image = image
        self.rule = rule
        self.check = check
        self.pullSecrets = pullSecrets
    }
}

/// That the rewritten image exists, for the platforms named.
///
/// An index has to list each platform, variants apart; a manifest of any other kind is good as it is
/// (harbor-container-webhook `internal/webhook/transformer.go`).
package struct UpstreamCheck: Sendable, Hashable {
    /// None: it is enough that it is there.
    package var platforms: [Platform]
    /// A secret of type `kubernetes.io/dockerconfigjson` in the webhook's own namespace, for the check alone.
    package var secretName: String?
    /// Whether a key of the secret's `auths` that names no registry of the image's is a regular expression for it, as
    /// harbor-container-webhook has it.
    package var takesSecretKeysAsPatterns: Bool

    package init(
        platforms: [Platform] = [Platform(os: "linux", architecture: "amd64")], secretName: String? = nil,
        takesSecretKeysAsPatterns: Bool = false
    ) {
        self.platforms = platforms
        self.secretName = secretName
        self.takesSecretKeysAsPatterns = takesSecretKeysAsPatterns
    }
}

/// Why an image stays as it is.
package enum UnchangedReason: Sendable, Hashable, CustomStringConvertible {
    /// No rule matches it.
    case noRule
    /// It begins with what a rule puts in place of a registry: what an earlier rewriting made. So a second rewriting
    /// never changes what the first one made, whatever the rules are.
    case alreadyRewritten(rule: String)
    case noReference(ReferenceError)
    /// The rule matches, and its result is no reference.
    case malformedResult(rule: String)

    package var description: String {
        switch self {
        case .noRule: "no rule matches it"
        case .alreadyRewritten(let rule): "it is what the rule '\(rule)' makes already"
        case .noReference(let error): "it is no reference: \(error)"
        case .malformedResult(let rule): "what the rule '\(rule)' makes of it is no reference"
        }
    }
}
