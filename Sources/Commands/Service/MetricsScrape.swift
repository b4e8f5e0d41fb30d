internal import HTTPSemantics
internal import Metrics
internal import PrometheusMetrics
internal import PullThroughCache
internal import Rules
internal import Upstream
internal import UpstreamClient

/// The text of `/metrics`: what was counted, and what is read anew for each scrape.
struct MetricsScrape: Sendable {
    private let registry: PrometheusRegistry
    private let process: ProcessMetrics
    private let cache: PullThroughCache
    private let upstreams: UpstreamSet
    private let holder: ConfigurationHolder

    init(registry: PrometheusRegistry, cache: PullThroughCache, upstreams: UpstreamSet, holder: ConfigurationHolder) {
        self.registry = registry
        self.cache = cache
        self.upstreams = upstreams
        self.holder = holder
        process = ProcessMetrics(factory: registry)
        Gauge(label: "weir_info", dimensions: [("version", Version.text)], factory: registry).record(1)
    }

    func text() async -> String {
        process.update()
        if let report = try? await cache.report() { record(report) }
        recordQuotas()
        return registry.exposition()
    }

    private func record(_ report: CacheReport) {
        set("weir_store_bytes", report.storedBytes)
        if let limit = report.limitBytes { set("weir_store_limit_bytes", limit) }
        if let available = report.availableBytes { set("weir_store_available_bytes", available) }
        set("weir_catalogue_repositories", Int64(report.repositories))
        set("weir_catalogue_tags", Int64(report.tags))
        set("weir_catalogue_manifests", Int64(report.manifests))
        set("weir_catalogue_blobs", Int64(report.blobs))
        set("weir_fills_running", Int64(report.runningFills))
        set("weir_fills_waiting", Int64(report.waitingFills))
    }

    private func recordQuotas() {
        for rule in holder.rules.rules {
            for observation in upstreams[rule.name]?.rateLimits ?? [] {
                let labels = [("rule", rule.name.description), ("source", observation.source ?? "")]
                if let remaining = observation.remaining {
                    set("weir_upstream_quota_remaining", remaining.count, labels)
                }
                if let limit = observation.limit { set("weir_upstream_quota_limit", limit.count, labels) }
            }
        }
    }

    private func set(_ name: String, _ value: Int64, _ labels: [(String, String)] = []) {
        Gauge(label: name, dimensions: labels, factory: registry).record(value)
    }
}
