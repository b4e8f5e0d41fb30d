package import PullThroughCache
package import RegistryServer
package import Rules
package import UpstreamClient

/// Bounds of the cache; under a name of its own, since the module and its main type are called alike.
package typealias CacheConfiguration = Configuration

/// The configuration, checked whole: what each part of the service is given.
package struct ServiceConfiguration: Sendable {
    package enum LogFormat: String, Sendable { case text, json }

    package struct Log: Sendable, Hashable {
        package var format: LogFormat
        /// One of swift-log's level names.
        package var level: String
    }

    package var server: RegistryServer.Configuration
    package var storeDirectory: String
    package var cache: CacheConfiguration
    package var rules: RuleTable
    /// One for every rule, called by the rule's name.
    package var upstreams: [RuleName: RuleUpstream]
    package var proxy: ProxySettings
    package var log: Log
    package var controlSocket: String
    package var rewrite = RewriteConfiguration()
    /// Nil follows no cluster.
    package var kubernetes: KubernetesConfiguration?
    package var node = NodeConfiguration()
    package var webhook = WebhookConfiguration()
    /// Nil grants nothing.
    package var grants: GrantConfiguration?

    /// Where the catalogue is.
    package var cataloguePath: String { "\(storeDirectory)/catalogue.sqlite" }

    /// What changed from `old` that only a restart brings into effect, by the names of the settings.
    package func changesThatNeedRestart(since old: ServiceConfiguration) -> [String] {
        var names: [String] = []
        if server.listen != old.server.listen { names.append("listen") }
        if server.tls != old.server.tls { names.append("tls") }
        if storeDirectory != old.storeDirectory { names.append("storage.directory") }
        if cache.storeLimit != old.cache.storeLimit { names.append("storage.limit and watermarks") }
        if server.refreshAllowedFrom != old.server.refreshAllowedFrom { names.append("refresh") }
        var bounds = cache
        bounds.storeLimit = old.cache.storeLimit
        if bounds != old.cache || server.headerLimitBytes != old.server.headerLimitBytes
            || server.connectionLimit != old.server.connectionLimit
        {
            names.append("limits")
        }
        let timeouts = { (server: RegistryServer.Configuration) in
            [server.headerTimeout, server.idleTimeout, server.writeTimeout, server.drainTimeout]
        }
        if timeouts(server) != timeouts(old.server) { names.append("timeouts") }
        if server.logsAccess != old.server.logsAccess { names.append("log.access") }
        if controlSocket != old.controlSocket { names.append("control.socket") }
        if node.store != old.node.store { names.append("node.store") }
        if grants?.keyFiles != old.grants?.keyFiles { names.append("grants.keys") }
        if webhook.isEnabled != old.webhook.isEnabled { names.append("webhook.enabled") }
        return names + webhookChangesThatNeedRestart(since: old)
    }

    /// The same for `weir webhook`, which reads no more of it.
    func webhookChangesThatNeedRestart(since old: ServiceConfiguration) -> [String] {
        var names: [String] = []
        if proxy != old.proxy { names.append("proxy") }
        if log.format != old.log.format { names.append("log.format") }
        if kubernetes != old.kubernetes { names.append("kubernetes") }
        return names + webhook.changesThatNeedRestart(since: old.webhook)
    }
}
