package import ImageRewriting

/// What reviews are answered by; replaced as a whole when the configuration is read again.
package struct WebhookSettings: Sendable {
    /// What happens to pods whose images could not be checked.
    package enum FailureMode: String, Sendable, Hashable, CaseIterable {
        /// They are admitted as they are, with a warning.
        case open
        /// They are refused, to be tried again.
        case closed
    }

    package var rewriter: ImageRewriter
    /// Changes with every new configuration, so that nothing is answered by an old one.
    package var generation: UInt64
    /// Where Weir itself is; nil where that is not known.
    package var ownNamespace: String?
    /// Whose pods are neither changed nor judged; Weir's own is among them whatever is said here.
    package var excludedNamespaces: Set<String>
    package var failure: FailureMode
    /// The longest that an answer takes; less where the API server waits less. Default 2 seconds.
    package var budget: Duration
    /// Whether the pod's own secrets are tried at checks.
    package var triesPodSecrets: Bool
    /// Whether secrets that rules name are put into the pod's namespace.
    package var copiesPullSecrets: Bool
    package var policy: ImagePolicy
    /// Whether harbor-container-webhook's own metrics are counted as well.
    package var countsAsHarbor: Bool

    package init(
        rewriter: ImageRewriter, generation: UInt64 = 0, ownNamespace: String? = nil,
        excludedNamespaces: Set<String> = ["kube-system"], failure: FailureMode = .open,
        budget: Duration = .seconds(2), triesPodSecrets: Bool = false, copiesPullSecrets: Bool = false,
        policy: ImagePolicy = ImagePolicy(), countsAsHarbor: Bool = false
    ) {
        self.rewriter = rewriter
        self.generation = generation
        self.ownNamespace = ownNamespace
        self.excludedNamespaces = excludedNamespaces.union(ownNamespace.map { [$0] } ?? [])
        self.failure = failure
        self.budget = budget
        self.triesPodSecrets = triesPodSecrets
        self.copiesPullSecrets = copiesPullSecrets
        self.policy = policy
        self.countsAsHarbor = countsAsHarbor
    }

    /// Where the secrets are that rules name.
    package var secretsNamespace: String { ownNamespace ?? "default" }
}
