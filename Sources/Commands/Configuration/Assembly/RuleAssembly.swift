internal import OCI
internal import Rules
internal import UpstreamClient

/// Makes the table of rules, and each rule's way to its upstream, from what is configured and what is well known.
struct RuleAssembly {
    private(set) var rules: [Rule] = []
    private(set) var upstreams: [RuleName: RuleUpstream] = [:]
    private(set) var defaultRule: RuleName?
    private(set) var problems: [ConfigurationProblem] = []

    private let settings: Settings

    init(_ settings: Settings) {
        self.settings = settings
        let configured = settings.rules.compactMap { entry -> ConfiguredRule? in
            guard let registry = entry.value.registry else {
                report("the rule '\(entry.key.value)' names no registry; add 'registry: HOST'", at: entry.key.place)
                return nil
            }
            return registry.value.map { address in
                ConfiguredRule(
                    name: entry.key.value, place: entry.key.place, settings: entry.value,
                    registry: Located(value: address, place: registry.place))
            }
        }
        let claims = HostClaims(configured)
        problems += claims.problems
        for rule in configured { add(rule, host: claims.hosts[rule.name]) }
        checkVirtualHosts(configured)
        addWellKnown(claimed: Set(claims.hosts.values))
        chooseDefaultRule()
        warnAboutShadows(configured)
    }

    private mutating func report(
        _ message: String, at place: ConfigurationProblem.Place, severity: ConfigurationProblem.Severity = .error
    ) {
        problems.append(ConfigurationProblem(message, at: place, severity: severity))
    }

    // MARK: Rules

    private mutating func add(_ rule: ConfiguredRule, host: RegistryHost?) {
        let registry = rule.registry.value
        let wellKnown = WellKnownRegistry[registry.host]
        let isDockerHub = host == .dockerHub || (wellKnown?.host == .dockerHub && rule.settings.upstreamPrefix == nil)
        rules.append(
            Rule(
                name: rule.name, prefix: rule.name.description, host: host, registry: registry.host.canonical,
                virtualHosts: rule.settings.virtualHosts.map(\.value), upstreamPrefix: rule.settings.upstreamPrefix,
                completesLibrary: isDockerHub,
                freshness: rule.settings.freshness.policy(over: settings.freshness.policy(over: FreshnessPolicy())),
                outage: rule.settings.outage.policy(over: settings.outage.policy(over: OutagePolicy()))))
        let assembled = AccountAssembly(rule.settings)
        problems += assembled.problems
        let tls = upstreamTLS(of: rule)
        if !assembled.accounts.isEmpty, !registry.usesTLS {
            report(
                "the account of '\(rule.name)' is sent without TLS, for everyone on the way to read",
                at: rule.registry.place, severity: .warning)
        }
        checkEgress(of: rule)
        var client = UpstreamClient.Configuration(
            name: rule.name.description, usesTLS: registry.usesTLS, host: wellKnown?.apiHost ?? registry.host,
            tls: tls, trustedRealmHosts: rule.settings.trustedRealms + (wellKnown?.trustedRealms ?? []),
            connectTimeout: rule.settings.timeouts.connect, answerTimeout: rule.settings.timeouts.answer,
            stallTimeout: rule.settings.timeouts.stall, attempts: rule.settings.attempts, userAgent: Version.userAgent)
        client.pacing = PacingSettings(
            bandwidth: rule.settings.bandwidth?.bytesPerSecond,
            requestsPerSecond: rule.settings.requestRate?.perSecond, hedges: rule.settings.hedging)
        if let anonymous = rule.settings.anonymous, anonymous.value == .never, assembled.accounts.isEmpty,
            assembled.problems.isEmpty
        {
            report("'anonymous: never' leaves nobody to ask with; add an account, or remove it", at: anonymous.place)
        }
        upstreams[rule.name] = RuleUpstream(
            governor: rule.settings.governor(
                client, hasAccounts: !assembled.accounts.isEmpty, isDockerHub: wellKnown?.host == .dockerHub),
            accounts: assembled.accounts)
    }

    private mutating func checkEgress(of rule: ConfiguredRule) {
        var seen: Set<String> = []
        for egress in rule.settings.egress where !seen.insert(egress.value).inserted {
            report("'\(egress.value.prefix(80))' is given twice; remove one of the two", at: egress.place)
        }
    }

    private mutating func upstreamTLS(of rule: ConfiguredRule) -> UpstreamClient.TLS {
        guard let tls = rule.settings.tls else { return UpstreamClient.TLS() }
        if (tls.value.certificate == nil) != (tls.value.key == nil) {
            report("'certificate' and 'key' are only useful together; add the other, or remove both", at: tls.place)
        }
        if !rule.registry.value.usesTLS {
            report("'tls' has no effect on an upstream without TLS; remove it", at: tls.place, severity: .warning)
        }
        if tls.value.skipVerify {
            report(
                "any certificate of '\(rule.registry.value.host)' is accepted; give its authority as 'ca' in place of "
                    + "'skipVerify'", at: tls.place, severity: .warning)
        }
        return UpstreamClient.TLS(
            authorityFile: tls.value.ca, certificateFile: tls.value.certificate, keyFile: tls.value.key,
            skipsVerification: tls.value.skipVerify)
    }

    private mutating func addWellKnown(claimed: Set<RegistryHost>) {
        let selected: [WellKnownRegistry] =
            switch settings.wellKnownRegistries?.value ?? .all {
            case .all: WellKnownRegistry.all
            case .none: []
            case .some(let hosts): WellKnownRegistry.all.filter { hosts.contains($0.host) }
            }
        for registry in selected where !claimed.contains(registry.host) {
            guard let name = try? RuleName(registry.host.description) else { continue }
            rules.append(
                Rule(
                    name: name, host: registry.host, completesLibrary: registry.host == .dockerHub,
                    freshness: settings.freshness.policy(over: FreshnessPolicy()),
                    outage: settings.outage.policy(over: OutagePolicy())))
            let client = UpstreamClient.Configuration(
                name: name.description, host: registry.apiHost, trustedRealmHosts: registry.trustedRealms,
                userAgent: Version.userAgent)
            upstreams[name] = RuleUpstream(
                governor: RuleSettings().governor(
                    client, hasAccounts: false, isDockerHub: registry.host == .dockerHub))
        }
    }

    // MARK: Names

    private mutating func chooseDefaultRule() {
        guard let wanted = settings.defaultRule else {
            defaultRule = rules.first { $0.host == .dockerHub }?.name
            return
        }
        if wanted.value == "none" { return }
        let host = try? RegistryHost(wanted.value).canonical
        let named = rules.first { $0.name.description == wanted.value }
        if let rule = named ?? rules.first(where: { host != nil && $0.host == host }) {
            defaultRule = rule.name
            return
        }
        let near = suggestion(for: wanted.value, among: rules.map(\.name.description))
        report(
            "there is no rule '\(wanted.value)'" + (near.map { "; did you mean '\($0)'?" } ?? "; name one of 'rules'"),
            at: wanted.place)
    }

    private mutating func checkVirtualHosts(_ configured: [ConfiguredRule]) {
        var owners: [RegistryHost: ConfigurationProblem.Place] = [:]
        for rule in configured {
            for host in rule.settings.virtualHosts {
                if let owner = owners[host.value] {
                    report(
                        "the virtual host \(host.value) is already given at \(owner); it can lead to one rule only",
                        at: host.place)
                } else {
                    owners[host.value] = host.place
                }
            }
        }
    }

    /// Prefixes that make other repositories unreachable are allowed, and most likely not meant.
    private mutating func warnAboutShadows(_ configured: [ConfiguredRule]) {
        for rule in configured {
            let name = rule.name.description
            for other in configured where name.hasPrefix("\(other.name)/") {
                report(
                    "the prefix '\(name)' hides the repositories '\(name.dropFirst(other.name.description.utf8.count + 1))/…' "
                        + "of the rule '\(other.name)'", at: rule.place, severity: .warning)
            }
            let servesHub = rules.contains { $0.name == defaultRule && $0.completesLibrary && $0.name != rule.name }
            if servesHub || rule.name == defaultRule, Self.hubNamespaces.contains(name) {
                report(
                    "the prefix '\(name)' hides the repositories '\(name)/…' of Docker Hub; choose another name, such as "
                        + "'\(name)-mirror'", at: rule.place, severity: .warning)
            }
        }
    }

    /// Namespaces of Docker Hub that are pulled without a registry's name everywhere.
    private static let hubNamespaces: Set<String> = [
        "library", "bitnami", "bitnamilegacy", "grafana", "prom", "rancher", "hashicorp", "jenkins", "curlimages",
        "docker", "moby", "nginxinc", "gitlab", "sonatype", "portainer", "traefik", "percona", "mysql", "redis",
        "elastic", "apache", "istio", "calico", "cilium", "amazon", "google", "microsoft", "ubuntu", "minio", "fluent",
    ]
}

/// A rule of the file whose registry is known.
struct ConfiguredRule {
    let name: RuleName
    let place: ConfigurationProblem.Place
    let settings: RuleSettings
    let registry: Located<RegistryAddress>
}

extension FreshnessSettings {
    /// What is set here, and `base` for the rest. Patterns of `base` come after those set here.
    func policy(over base: FreshnessPolicy) -> FreshnessPolicy {
        FreshnessPolicy(
            moving: moving ?? base.moving, minor: minor ?? base.minor, exact: exact ?? base.exact,
            overrides: (tags ?? []).map { .init(pattern: $0.key.value, lifetime: $0.value) } + base.overrides,
            staleWhileRevalidate: staleWhileRevalidate ?? base.staleWhileRevalidate,
            stretch: stretch ?? base.stretch,
            negative: negative ?? base.negative)
    }
}

extension OutageSettings {
    func policy(over base: OutagePolicy) -> OutagePolicy {
        OutagePolicy(
            unreachable: unreachable ?? base.unreachable, serverError: serverError ?? base.serverError,
            rateLimited: rateLimited ?? base.rateLimited, unauthorized: unauthorized ?? base.unauthorized,
            notFound: notFound ?? base.notFound)
    }
}
