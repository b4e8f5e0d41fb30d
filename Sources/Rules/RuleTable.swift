package import OCI

/// Every rule, and the one way from what a client asks to a rule and a repository.
package struct RuleTable: Sendable {
    package let rules: [Rule]
    /// Serves names that carry no prefix and no host; Docker Hub's, unless configured otherwise.
    package let defaultRule: RuleName?
    private let byName: [RuleName: Rule]
    private let byHost: [RegistryHost: Rule]
    private let byPrefix: [String: Rule]
    private let byVirtualHost: [RegistryHost: Rule]
    private let longestPrefixComponents: Int

    /// Where two rules claim the same host, prefix or virtual host the first has it; configuration refuses that
    /// beforehand.
    package init(_ rules: [Rule], defaultRule: RuleName?) {
        self.rules = rules
        self.defaultRule = defaultRule
        byName = Dictionary(rules.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        byHost = Dictionary(
            rules.compactMap { rule in rule.host.map { ($0.canonical, rule) } }, uniquingKeysWith: { first, _ in first })
        byPrefix = Dictionary(
            rules.compactMap { rule in rule.prefix.map { ($0, rule) } }, uniquingKeysWith: { first, _ in first })
        byVirtualHost = Dictionary(
            rules.flatMap { rule in rule.virtualHosts.map { ($0, rule) } }, uniquingKeysWith: { first, _ in first })
        longestPrefixComponents = byPrefix.keys.map { $0.split(separator: "/").count }.max() ?? 0
    }

    package subscript(name: RuleName) -> Rule? { byName[name] }

    /// Finds the rule and the upstream's repository for `name` as a client wrote it.
    ///
    /// In this order, the first that applies deciding: `ns`; a virtual host; a rule's prefix (the longest); a host
    /// as first component; the default rule.
    /// - Parameters:
    ///   - name: what stands between `/v2/` and `/manifests/`.
    ///   - namespace: containerd's `ns` parameter, if it was sent.
    ///   - authority: the request's `Host` or `:authority`.
    package func resolve(
        _ name: String, namespace: String?, authority: String?
    ) throws(AddressingError) -> (rule: Rule, repository: RepositoryKey) {
        if let namespace {
            let host: RegistryHost
            do { host = try RegistryHost(namespace).canonical } catch { throw .malformedNamespace(error) }
            guard let rule = byHost[host] else { throw .unknownHost(host) }
            return (rule, try repository(name, in: rule))
        }
        if !byVirtualHost.isEmpty, let authority, let host = try? RegistryHost(authority),
            let rule = byVirtualHost[host] ?? (try? RegistryHost(host.name)).flatMap({ byVirtualHost[$0] })
        {
            return (rule, try repository(name, in: rule))
        }
        let components = name.split(separator: "/", omittingEmptySubsequences: false)
        var length = min(longestPrefixComponents, components.count - 1)
        while length > 0 {
            if let rule = byPrefix[components[..<length].joined(separator: "/")] {
                return (rule, try repository(components[length...].joined(separator: "/"), in: rule))
            }
            length -= 1
        }
        if components.count > 1, RegistryHost.isLikelyHost(components[0]) {
            let host: RegistryHost
            do { host = try RegistryHost(components[0]).canonical } catch { throw .malformedNamespace(error) }
            guard let rule = byHost[host] else { throw .unknownHost(host) }
            return (rule, try repository(components[1...].joined(separator: "/"), in: rule))
        }
        guard let defaultRule, let rule = byName[defaultRule] else { throw .noDefaultRule }
        return (rule, try repository(name, in: rule))
    }

    /// Finds the rule for a reference as a user writes it: `nginx`, `ghcr.io/a/b:1`, or `dockerhub/library/nginx`
    /// where `dockerhub` is a rule's prefix.
    package func resolve(
        _ reference: ImageReference, writtenAs text: String
    ) throws(AddressingError) -> (rule: Rule, repository: RepositoryKey) {
        let path = String(text.prefix { $0 != "@" })
        let components = path.split(separator: "/", omittingEmptySubsequences: false)
        if components.count > 1, !RegistryHost.isLikelyHost(components[0]) {
            return try resolve(
                reference.repository.description, namespace: nil, authority: nil)
        }
        return try resolve(reference.repository.description, namespace: reference.registry.description, authority: nil)
    }

    private func repository(_ name: String, in rule: Rule) throws(AddressingError) -> RepositoryKey {
        do {
            var name = try RepositoryName(name)
            if rule.completesLibrary, !name.description.utf8.contains(UInt8(ascii: "/")) {
                name = try RepositoryName("library/\(name)")
            }
            if let prefix = rule.upstreamPrefix { name = try RepositoryName("\(prefix)/\(name)") }
            return RepositoryKey(rule: rule.name, name: name)
        } catch {
            throw .malformedRepository(error)
        }
    }
}

/// Why a request leads to no rule.
package enum AddressingError: Error, Hashable, CustomStringConvertible {
    case malformedNamespace(RegistryHostError)
    case malformedRepository(RepositoryNameError)
    /// Weir is no open proxy: a host is served only if a rule names it.
    case unknownHost(RegistryHost)
    case noDefaultRule

    package var description: String {
        switch self {
        case .malformedNamespace(let error): error.description
        case .malformedRepository(let error): error.description
        case .unknownHost(let host):
            "no rule allows pulling from \(host); to allow it, add a rule with 'registry: \(host)' under 'rules' "
                + "in Weir's configuration"
        case .noDefaultRule:
            "no rule serves names without a registry; name one as 'defaultRule' in Weir's configuration, or put "
                + "the registry's host before the repository"
        }
    }
}
