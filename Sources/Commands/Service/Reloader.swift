internal import ControlServer
internal import Logging
internal import PullThroughCache
internal import RegistryServer
internal import Rules

/// Brings a changed configuration into effect while the service runs. One reload at a time.
actor Reloader {
    private let loader: ConfigurationLoader
    /// What needs a restart is as it is here.
    private let started: ServiceConfiguration
    private let holder: ConfigurationHolder
    private let upstreams: UpstreamSet
    private let cache: PullThroughCache
    private let server: RegistryServer
    private let webhook: WebhookService?
    private let level: SharedLogLevel
    private let logger: Logger

    init(
        loader: ConfigurationLoader, holder: ConfigurationHolder, upstreams: UpstreamSet, cache: PullThroughCache,
        server: RegistryServer, webhook: WebhookService?, level: SharedLogLevel, logger: Logger
    ) {
        self.loader = loader
        started = holder.configuration
        self.holder = holder
        self.upstreams = upstreams
        self.cache = cache
        self.server = server
        self.webhook = webhook
        self.level = level
        self.logger = logger
    }

    /// Reads everything anew. Rules, accounts, freshness, outage policies, grants, the certificate and the log level
    /// take effect at once; what does not is told. With errors, nothing changes.
    func reload() throws(ControlError) -> ReloadDocument {
        let loaded: LoadedConfiguration
        do throws(ConfigurationError) {
            loaded = try loader.load()
        } catch {
            ReloadReport.tellRefusal("\(error)", logger)
            throw ControlError(.invalidConfiguration, "the configuration stays as it was:\n\(error)")
        }
        let old = holder.configuration
        let new = loaded.service
        let needsRestart = new.changesThatNeedRestart(since: started)
        // Old and new ones together until the rules have changed, so that no request finds its rule without upstream.
        cache.replace(upstreams: upstreams.replace(with: new.upstreams))
        var effective = old
        effective.rules = new.rules
        effective.upstreams = new.upstreams
        effective.log.level = new.log.level
        effective.rewrite = new.rewrite
        effective.grants = new.grants
        effective.webhook = new.webhook
        holder.replace(with: effective)
        cache.replace(upstreams: upstreams.registries)
        if let newLevel = Logger.Level(rawValue: new.log.level) { level.level = newLevel }
        var warnings = loaded.warnings.map(\.description)
        if old.server.tls != nil {
            do throws(RegistryServerError) {
                try server.reloadCertificate()
            } catch {
                warnings.append("the certificate stays as it was: \(error)")
            }
        }
        if let problem = webhook?.reload(effective) { warnings.append(problem) }
        ReloadReport(needsRestart: needsRestart, warnings: warnings).tell(
            logger, ["rules": "\(new.rules.rules.count)"])
        return ReloadDocument(needsRestart: needsRestart, warnings: warnings)
    }
}
