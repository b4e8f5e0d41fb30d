internal import OCI
internal import Rules
internal import UpstreamClient

/// Makes the table of rules, and each rule's way to its upstream, from what is configured and what is well known.
struct RuleAssembly {
    private(set) var rules: [Rule] = []
    private(set) var upstreams: [RuleName: UpstreamClient.Configuration] = [:]
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
        let credentials = credentials(of: rule)
        let tls = upstreamTLS(of: rule)
        if credentials != .anonymous, !registry.usesTLS {
            report(
                "the account of '\(rule.name)' is sent without TLS, for everyone on the way to read",
                at: rule.registry.place, severity: .warning)
        }
        upstreams[rule.name] = UpstreamClient.Configuration(
            name: rule.name.description, usesTLS: registry.usesTLS, host: wellKnown?.apiHost ?? registry.host,
            credentials: credentials, tls: tls,
            trustedRealmHosts: rule.settings.trustedRealms + (wellKnown?.trustedRealms ?? []),
            connectTimeout: rule.settings.timeouts.connect, answerTimeout: rule.settings.timeouts.answer,
            stallTimeout: rule.settings.timeouts.stall, attempts: rule.settings.attempts, userAgent: Version.userAgent)
        upstreams[rule.name]?.pacing = PacingSettings(
            bandwidth: rule.settings.bandwidth?.bytesPerSecond,
            requestsPerSecond: rule.settings.requestRate?.perSecond, hedges: rule.settings.hedging)
    }

    private mutating func credentials(of rule: ConfiguredRule) -> UpstreamClient.Credentials {
        let settings = rule.settings
        if let password = settings.password, settings.accessToken != nil {
            report("'password' and 'accessToken' are the same; remove one of the two", at: password.place)
        }
        let secret = settings.accessToken ?? settings.password
        if let token = settings.identityToken {
            if let other = settings.username?.place ?? secret?.place {
                report("'identityToken' stands alone; remove it, or 'username' and 'accessToken'", at: other)
            }
            return token.value.map { .refreshToken($0.reveal()) } ?? .anonymous
        }
        switch (settings.username, secret) {
        case (nil, nil): return .anonymous
        case (let username?, let secret?):
            if let name = username.value, name.contains(":") {
                report("a user name has no ':'", at: username.place)
            }
            // One of them that could not be read is no missing one: its reader has told what is wrong.
            guard let name = username.value, let password = secret.value else { return .anonymous }
            return .basic(username: name, password: password.reveal())
        case (let username?, nil):
            report("'username' needs 'accessToken' beside it; add it, or remove 'username'", at: username.place)
        case (nil, let secret?):
            report("'accessToken' needs 'username' beside it; add it, or remove the token", at: secret.place)
        }
        return .anonymous
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
            upstreams[name] = UpstreamClient.Configuration(
                name: name.description, host: registry.apiHost, trustedRealmHosts: registry.trustedRealms,
                userAgent: Version.userAgent)
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
