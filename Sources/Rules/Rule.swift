package import OCI

/// Maps a part of Weir's namespace to an upstream, and says how what comes from there is kept.
///
/// A value that never changes. A class, since it goes with every request through many hands: to pass it on counts one
/// reference, where a struct would count one for each of its parts.
package final class Rule: Sendable, Hashable {
    package let name: RuleName
    /// The path prefix that leads to this rule (`weir:5000/PREFIX/library/nginx`); nil for rules known by host alone.
    package let prefix: String?
    /// The registry that references name, for `?ns=HOST` and `weir:5000/HOST/…`; nil where another rule has the host.
    package let host: RegistryHost?
    /// The registry that is pulled from, as references name it; nil where the rule's maker does not say. Unlike
    /// ``host`` several rules may have the same, and it differs from ``host`` where one registry stands in for
    /// another (`docker.io` by a proxy's project).
    package let registry: RegistryHost?
    /// Names under which clients reach this rule alone (`Host: hub.weir.corp`); a port is not compared unless given.
    package let virtualHosts: [RegistryHost]
    /// Put before the client's repository to make the upstream's: `upstream-app` makes `x` into `upstream-app/x`.
    /// Where the client names ``registry`` itself the repository is the upstream's already, and is refused outside of
    /// this part.
    package let upstreamPrefix: RepositoryName?
    /// Whether a repository of one component means `library/…`, as it does at Docker Hub. Not where
    /// ``upstreamPrefix`` is a part of Docker Hub itself: `x` is then `upstream-app/x`.
    package let completesLibrary: Bool
    package let freshness: FreshnessPolicy
    package let outage: OutagePolicy

    package init(
        name: RuleName, prefix: String? = nil, host: RegistryHost? = nil, registry: RegistryHost? = nil,
        virtualHosts: [RegistryHost] = [], upstreamPrefix: RepositoryName? = nil, completesLibrary: Bool = false,
        freshness: FreshnessPolicy = FreshnessPolicy(), outage: OutagePolicy = OutagePolicy()
    ) {
        self.name = name
        self.prefix = prefix
        self.host = host
        self.registry = registry
        self.virtualHosts = virtualHosts
        self.upstreamPrefix = upstreamPrefix
        self.completesLibrary = completesLibrary
        self.freshness = freshness
        self.outage = outage
    }

    package static func == (left: Rule, right: Rule) -> Bool {
        left === right
            || (left.name == right.name && left.prefix == right.prefix && left.host == right.host
                && left.registry == right.registry && left.virtualHosts == right.virtualHosts
                && left.upstreamPrefix == right.upstreamPrefix && left.completesLibrary == right.completesLibrary
                && left.freshness == right.freshness && left.outage == right.outage)
    }

    package func hash(into hasher: inout Hasher) { hasher.combine(name) }

    /// Whether ``registry`` answers for its own name here, so that ``upstreamPrefix`` is a part of it.
    var servesOwnName: Bool { registry != nil && registry?.canonical == host?.canonical }
}
