internal import Metrics
internal import PrometheusMetrics
internal import PullThroughCache

/// The text of `/metrics`: what was counted, and what is read anew for each scrape.
struct MetricsScrape: Sendable {
    private let registry: PrometheusRegistry
    private let process: ProcessMetrics
    private let cache: PullThroughCache

    init(registry: PrometheusRegistry, cache: PullThroughCache) {
        self.registry = registry
        self.cache = cache
        process = ProcessMetrics(factory: registry)
        Gauge(label: "weir_info", dimensions: [("version", Version.text)], factory: registry).record(1)
    }

    func text() async -> String {
        process.update()
        if let report = try? await cache.report() { record(report) }
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

    private func set(_ name: String, _ value: Int64) {
        Gauge(label: name, dimensions: [], factory: registry).record(value)
    }
}
