package import OCI
package import Rules

/// Rewrites by Weir's own rules: whatever a rule answers for by its registry's name is pulled from Weir.
package struct DerivedRule: Sendable {
    /// How the path after Weir's address says which registry is meant.
    package enum Form: String, Sendable, CaseIterable {
        /// `weir:5000/docker.io/library/nginx`
        case host
        /// `weir:5000/dockerhub/library/nginx`; where the rule has no prefix, as ``host``.
        case prefix
    }

    package let table: RuleTable
    /// Where Weir answers, as those see it who pull: the nodes.
    package let address: RegistryHost
    package let form: Form

    /// - Parameter address: has a dot or a port, or is `localhost`; else a reference could not begin with it.
    package init(table: RuleTable, address: RegistryHost, form: Form = .host) throws(RewriteRuleError) {
        guard RegistryHost.isLikelyHost(address.description) else { throw .addressIsNoHost(address) }
        self.table = table
        self.address = address
        self.form = form
    }

    var resultPrefix: String { "\(address)/" }

    /// A rule's prefix, a virtual host and a registry's port all decide whether a path leads back to the rule and the
    /// repository that are meant. So none is trusted: the first path is taken that Weir's own table resolves to the
    /// same as the registry's name.
    func result(for image: WrittenImage) -> String? {
        let reference = image.reference
        guard reference.registry != address,
            let wanted = try? table.resolve(
                reference.repository.description, namespace: reference.registry.description, authority: nil)
        else { return nil }
        let path = paths(to: reference.repository, at: reference.registry, by: wanted.rule).first { path in
            guard let found = try? table.resolve(path, namespace: nil, authority: address.description) else {
                return false
            }
            return found.repository == wanted.repository
        }
        return path.map { "\(address)/\($0)\(image.suffix)" }
    }

    private func paths(to repository: RepositoryName, at host: RegistryHost, by rule: Rule) -> [String] {
        var names = [repository.description]
        if let prefix = rule.upstreamPrefix, repository.description.hasPrefix("\(prefix)/") {
            names.insert(String(repository.description.dropFirst(prefix.description.count + 1)), at: 0)
        }
        let byPrefix = rule.prefix.map { prefix in names.map { "\(prefix)/\($0)" } } ?? []
        // A path has no ':', so that a host with a port is reached by its rule's prefix alone.
        let byHost = host.port == nil && !host.name.hasPrefix("[") ? ["\(host)/\(repository)"] : []
        // The names alone lead there where the address is the rule's virtual host, or the rule the default one.
        return (form == .prefix ? byPrefix + byHost : byHost + byPrefix) + names
    }

    func originals(of image: WrittenImage) -> [String] {
        let prefix = resultPrefix
        guard image.name.hasPrefix(prefix),
            let found = try? table.resolve(
                String(image.name.dropFirst(prefix.count)), namespace: nil, authority: address.description),
            let registry = found.rule.host ?? found.rule.registry
        else { return [] }
        let name = found.repository.name.description
        var names = [name]
        if let upstreamPrefix = found.rule.upstreamPrefix, name.hasPrefix("\(upstreamPrefix)/") {
            names.append(String(name.dropFirst(upstreamPrefix.description.count + 1)))
        }
        let original = names.first { name in
            let back = try? table.resolve(name, namespace: registry.description, authority: nil)
            return back?.repository == found.repository
        }
        return original.map { ["\(registry)/\($0)\(image.suffix)"] } ?? []
    }
}
