internal import Listening
internal import PullThroughCache
internal import RegistryServer
internal import Rules
internal import UpstreamClient

/// A configuration without errors.
package struct LoadedConfiguration {
    /// The file that was read; nil where there is none.
    package let file: String?
    let settings: Settings
    package let service: ServiceConfiguration
    package let warnings: [ConfigurationProblem]

    /// What is in effect, defaults included and secrets masked.
    func shown() -> JSONValue {
        var settings = settings
        settings.defaultRule = Located(
            value: service.rules.defaultRule?.description ?? "none", place: .init(source: "default"))
        if settings.wellKnownRegistries == nil {
            settings.wellKnownRegistries = Located(value: .all, place: .init(source: "default"))
        }
        settings.proxy.http = service.proxy.http.map { Secret($0) }
        settings.proxy.https = service.proxy.https.map { Secret($0) }
        settings.proxy.exceptions = service.proxy.exceptions
        for (position, entry) in settings.rules.enumerated() where entry.value.host == nil {
            let host = service.rules[entry.key.value]?.host
            settings.rules[position].value.host = Located(
                value: host.map { .host($0) } ?? .none, place: entry.key.place)
        }
        for (position, entry) in settings.rules.enumerated() where entry.value.anonymous == nil {
            let hasAccounts = service.upstreams[entry.key.value]?.accounts.isEmpty == false
            settings.rules[position].value.anonymous = Located(
                value: hasAccounts ? .never : .allowed, place: entry.key.place)
        }
        return Format<Settings>.configuration.show(settings)
    }
}

extension Settings {
    /// Puts defaults in place of what is not set.
    mutating func complete(directory: String) {
        let storeDirectory = storage.directory ?? directory
        storage.directory = storeDirectory
        control.socket = control.socket ?? "\(storeDirectory)/control.sock"
        let freshness = freshness.policy(over: FreshnessPolicy())
        self.freshness.moving = freshness.moving
        self.freshness.minor = freshness.minor
        self.freshness.exact = freshness.exact
        self.freshness.tags = self.freshness.tags ?? []
        self.freshness.staleWhileRevalidate = freshness.staleWhileRevalidate
        self.freshness.stretch = freshness.stretch
        self.freshness.negative = freshness.negative
        let outage = outage.policy(over: OutagePolicy())
        self.outage = OutageSettings(
            unreachable: outage.unreachable, serverError: outage.serverError, rateLimited: outage.rateLimited,
            unauthorized: outage.unauthorized, notFound: outage.notFound)
    }

    /// After ``complete(directory:)``.
    func service(assembly: RuleAssembly, proxy: ProxySettings) -> ServiceConfiguration {
        var serverTLS: RegistryServer.TLS?
        if let tls = tls?.value, let certificate = tls.certificate, let key = tls.key {
            serverTLS = RegistryServer.TLS(certificateFile: certificate, keyFile: key)
        }
        let directory = storage.directory ?? "/var/lib/weir"
        return ServiceConfiguration(
            server: RegistryServer.Configuration(
                listen: listen, tls: serverTLS, headerLimitBytes: Int(limits.headerBytes),
                headerTimeout: timeouts.header, idleTimeout: timeouts.idle, writeTimeout: timeouts.write,
                connectionLimit: limits.connections, drainTimeout: timeouts.drain,
                refreshAllowedFrom: refresh.allowFrom, logsAccess: log.access),
            storeDirectory: directory,
            cache: CacheConfiguration(
                manifestLimitBytes: Int(limits.manifestBytes), memoryLimitBytes: Int(limits.memoryBytes),
                fillsPerUpstream: limits.fillsPerUpstream, requestsPerUpstream: limits.requestsPerUpstream,
                waitingPerUpstream: limits.waitingPerUpstream, retries: FillRetries(attempts: limits.fillAttempts),
                segmentation: Segmentation(connectionLimit: limits.connectionsPerBlob),
                fetchesAhead: limits.fetchAheadPerUpstream > 0,
                fetchAheadPerUpstream: max(1, limits.fetchAheadPerUpstream),
                unsizedBlobLimitBytes: limits.unsizedBlobBytes, windowBytes: Int(limits.windowBytes),
                storeLimit: StoreLimit(
                    cap: storage.limit, highWatermark: storage.highWatermark.value,
                    lowWatermark: storage.lowWatermark.value),
                unreferencedGrace: limits.unreferencedGrace, spendRetention: limits.spendRetention),
            rules: RuleTable(assembly.rules, defaultRule: assembly.defaultRule), upstreams: assembly.upstreams,
            proxy: proxy,
            log: ServiceConfiguration.Log(
                format: ServiceConfiguration.LogFormat(rawValue: log.format) ?? .text, level: log.level),
            controlSocket: control.socket ?? "\(directory)/control.sock")
    }
}
