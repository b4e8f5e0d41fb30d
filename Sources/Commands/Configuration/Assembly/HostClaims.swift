internal import OCI
internal import Rules

/// Which rule answers for which registry's name: the one that says so, else the only one that pulls from it.
struct HostClaims {
    /// Rules that answer for no name are not in it.
    private(set) var hosts: [RuleName: RegistryHost] = [:]
    private(set) var problems: [ConfigurationProblem] = []

    init(_ rules: [ConfiguredRule]) {
        var explicit: [RegistryHost: ConfiguredRule] = [:]
        for rule in rules {
            guard let claim = rule.settings.host, case .host(let host) = claim.value else { continue }
            if let first = explicit[host], let place = first.settings.host?.place {
                problems.append(
                    ConfigurationProblem(
                        "the rules '\(first.name)' (\(place)) and '\(rule.name)' both say 'host: \(host)'; "
                            + "say 'host: none' in one of them", at: claim.place))
            } else {
                explicit[host] = rule
                hosts[rule.name] = host
            }
        }
        var implicit: [RegistryHost: ConfiguredRule] = [:]
        for rule in rules where rule.settings.host == nil && rule.settings.upstreamPrefix == nil {
            let host = rule.registry.value.host.canonical
            if explicit[host] != nil { continue }
            if let first = implicit[host] {
                problems.append(
                    ConfigurationProblem(
                        "the rules '\(first.name)' (\(first.registry.place)) and '\(rule.name)' both pull from \(host); "
                            + "say 'host: \(host)' in the one that answers for that name, or 'host: none' in the other",
                        at: rule.registry.place))
            } else {
                implicit[host] = rule
                hosts[rule.name] = host
            }
        }
        for rule in rules { checkName(of: rule) }
    }

    /// A name such as `ghcr.io` is also a registry's, and must not lead anywhere else.
    private mutating func checkName(of rule: ConfiguredRule) {
        let name = rule.name.description
        guard RegistryHost.isLikelyHost(name.prefix { $0 != "/" }) else { return }
        if let host = try? RegistryHost(name).canonical, hosts[rule.name] == host { return }
        problems.append(
            ConfigurationProblem(
                "a rule that is named like a registry must answer for it; choose a name without dots, or say "
                    + "'registry: \(name)'", at: rule.place))
    }
}
