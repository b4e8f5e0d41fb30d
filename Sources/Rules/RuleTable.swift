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
            rules.compactMap { rule in rule.host.map { ($0.canonical, rule) } }, uniquingKeysWith: { first, _ in first }
        )
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
    /// as first component; the default rule. Under `ns` the name is the registry's own and never read for a prefix:
    /// `ghcr.io/team/app` must not become `app` of a rule that is called `team`.
    /// - Parameters:
    ///   - name: what stands between `/v2/` and `/manifests/`, percent-decoded or not: neither `%` nor `..` is part
    ///     of any repository's name.
    ///   - namespace: containerd's `ns` parameter, if it was sent.
    ///   - authority: the request's `Host` or `:authority`.
    package func resolve(
        _ name: String, namespace: String?, authority: String?
    ) throws(AddressingError) -> (rule: Rule, repository: RepositoryKey) {
        let virtual = authority.flatMap(virtualRule)
        if let namespace {
            let host = try Self.host(namespace)
            // A virtual host chooses among the rules of one registry, and never another registry than was asked for.
            if let virtual, virtual.registry?.canonical == host || virtual.host?.canonical == host {
                return (virtual, try repositoryOfHost(name, in: virtual, host))
            }
            guard let rule = byHost[host] else { throw .unknownHost(host) }
            return (rule, try repositoryOfHost(name, in: rule, host))
        }
        if let virtual { return (virtual, try repository(name, in: virtual)) }
        if let found = try prefixed(name) { return found }
        if let slash = name.utf8.firstIndex(of: UInt8(ascii: "/")), RegistryHost.isLikelyHost(name[..<slash]) {
            let host = try Self.host(String(name[..<slash]))
            guard let rule = byHost[host] else { throw .unknownHost(host) }
            return (rule, try repositoryOfHost(String(name[name.utf8.index(after: slash)...]), in: rule, host))
        }
        guard let defaultRule, let rule = byName[defaultRule] else { throw .noDefaultRule }
        return (rule, try repository(name, in: rule))
    }

    /// The rule with the longest prefix that `name` begins with, if there is one.
    private func prefixed(_ name: String) throws(AddressingError) -> (rule: Rule, repository: RepositoryKey)? {
        guard longestPrefixComponents > 0 else { return nil }
        var name = name
        // Over contiguous bytes: this is asked with nearly every request.
        let found = name.withUTF8 { longestPrefix(of: $0) }
        guard let found else { return nil }
        return (found.rule, try repository(found.rest, in: found.rule))
    }

    private func longestPrefix(of name: UnsafeBufferPointer<UInt8>) -> (rule: Rule, rest: String)? {
        var found: (rule: Rule, restStart: Int)?
        var count = 0
        for (offset, byte) in name.enumerated() where byte == UInt8(ascii: "/") {
            count += 1
            guard count <= longestPrefixComponents else { break }
            let prefix = String(decoding: UnsafeBufferPointer(rebasing: name[..<offset]), as: UTF8.self)
            if let rule = byPrefix[prefix] { found = (rule, offset + 1) }
        }
        return found.map { rule, start in
            (rule, String(decoding: UnsafeBufferPointer(rebasing: name[start...]), as: UTF8.self))
        }
    }

    /// Finds the rule for a reference as a user writes it: what stands after `weir:5000/` when it is pulled. So
    /// `nginx` is the default rule's, `ghcr.io/a/b:1` a host's, and `dockerhub/library/nginx` that of the rule with
    /// the prefix `dockerhub`.
    /// - Parameter text: what `reference` was parsed from.
    package func resolve(
        _ reference: ImageReference, writtenAs text: String
    ) throws(AddressingError) -> (rule: Rule, repository: RepositoryKey) {
        var path = text.utf8.prefix { $0 != UInt8(ascii: "@") }
        // A colon after the last slash is a tag's; one before it belongs to a port.
        if reference.tag != nil, let colon = path.lastIndex(of: UInt8(ascii: ":")),
            !path[colon...].contains(UInt8(ascii: "/"))
        {
            path = path[..<colon]
        }
        return try resolve(String(Substring(path)), namespace: nil, authority: nil)
    }

    /// A port in the virtual host's own name must be the client's; without one any port will do. A trailing dot, as
    /// resolvers take it, does not make another host.
    private func virtualRule(of authority: String) -> Rule? {
        guard !byVirtualHost.isEmpty else { return nil }
        guard let host = try? RegistryHost(authority.hasSuffix(".") ? authority.dropLast() : authority[...]) else {
            return nil
        }
        return byVirtualHost[host] ?? (try? RegistryHost(host.name)).flatMap { byVirtualHost[$0] }
    }

    private static func host(_ text: String) throws(AddressingError) -> RegistryHost {
        do { return try RegistryHost(text).canonical } catch { throw .malformedNamespace(error) }
    }

    /// For a name within the rule's own namespace.
    private func repository(_ text: String, in rule: Rule) throws(AddressingError) -> RepositoryKey {
        do {
            var name = try RepositoryName(text)
            if rule.upstreamPrefix == nil || !rule.servesOwnName { name = try Self.completed(name, in: rule) }
            if let prefix = rule.upstreamPrefix { name = try RepositoryName("\(prefix)/\(name)") }
            return RepositoryKey(rule: rule.name, name: name)
        } catch {
            throw .malformedRepository(error)
        }
    }

    /// For a name under `host`.
    private func repositoryOfHost(
        _ text: String, in rule: Rule, _ host: RegistryHost
    ) throws(AddressingError) -> RepositoryKey {
        guard let prefix = rule.upstreamPrefix, rule.registry?.canonical == host else {
            return try repository(text, in: rule)
        }
        let name: RepositoryName
        do { name = try Self.completed(RepositoryName(text), in: rule) } catch { throw .malformedRepository(error) }
        guard name == prefix || name.description.utf8.starts(with: "\(prefix)/".utf8) else {
            throw .unknownHost(host)
        }
        return RepositoryKey(rule: rule.name, name: name)
    }

    private static func completed(
        _ name: RepositoryName, in rule: Rule
    ) throws(RepositoryNameError) -> RepositoryName {
        guard rule.completesLibrary, !name.description.utf8.contains(UInt8(ascii: "/")) else { return name }
        return try RepositoryName("library/\(name)")
    }
}

/// Why a request leads to no rule.
package enum AddressingError: Error, Hashable, CustomStringConvertible {
    case malformedNamespace(RegistryHostError)
    case malformedRepository(RepositoryNameError)
    /// Weir is no open proxy: a host is served only if a rule names it, and only the part of it that the rule names.
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
