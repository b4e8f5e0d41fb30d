package import OCI
package import Rules

/// Which repositories of the store are shared with peers, and how references name them.
///
/// Only what a reference leads to by the registry's own host is shared: peers ask by that name. What an account was used
/// for may be private, so that those rules are shared only where somebody says so.
package struct SharedRepositories: Sendable {
    private let rules: RuleTable
    private let shared: Set<RuleName>

    package init(rules: RuleTable, shared: Set<RuleName>) {
        self.rules = rules
        self.shared = shared
    }

    /// Nil where the name leads to nothing that is shared.
    package func key(_ repository: RepositoryName, of registry: RegistryHost) -> RepositoryKey? {
        guard
            let found = try? rules.resolve(repository.description, namespace: registry.description, authority: nil),
            shared.contains(found.rule.name)
        else { return nil }
        return found.repository
    }

    /// What references call a repository; nil where it is not shared, or where no reference leads to it.
    package func name(of key: RepositoryKey) -> (registry: RegistryHost, repository: RepositoryName)? {
        guard shared.contains(key.rule), let host = rules[key.rule]?.host else { return nil }
        if self.key(key.name, of: host) == key { return (host, key.name) }
        // A rule that stands for a part of a registry has that part before the client's name.
        guard let prefix = rules[key.rule]?.upstreamPrefix?.description,
            key.name.description.utf8.starts(with: "\(prefix)/".utf8),
            let name = try? RepositoryName(String(key.name.description.dropFirst(prefix.count + 1))),
            self.key(name, of: host) == key
        else { return nil }
        return (host, name)
    }
}
