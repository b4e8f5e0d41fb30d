internal import PrometheusMetrics
internal import PullThroughCache

/// The text of the service's `/metrics`.
struct MetricsScrape: Sendable {
    private let process: ProcessScrape
    private let cache: PullThroughCache
    private let upstreams: UpstreamSet
    private let accounts: AccountGauges
    private let following: ClusterFollowing?

    init(
        registry: PrometheusRegistry, cache: PullThroughCache, upstreams: UpstreamSet, following: ClusterFollowing?
    ) {
        self.cache = cache
        self.upstreams = upstreams
        accounts = AccountGauges(registry: registry)
        self.following = following
        process = ProcessScrape(registry)
    }

    func text() async -> String {
        if let report = try? await cache.report() { record(report) }
        accounts.record(upstreams.accountReports)
        following?.record(in: process)
        return process.text()
    }

    private func record(_ report: CacheReport) {
        process.set("weir_store_bytes", report.storedBytes)
        if let limit = report.limitBytes { process.set("weir_store_limit_bytes", limit) }
        if let available = report.availableBytes { process.set("weir_store_available_bytes", available) }
        process.set("weir_catalogue_repositories", report.repositories)
        process.set("weir_catalogue_tags", report.tags)
        process.set("weir_catalogue_manifests", report.manifests)
        process.set("weir_catalogue_blobs", report.blobs)
        process.set("weir_fills_running", report.runningFills)
        process.set("weir_fills_waiting", report.waitingFills)
    }
}
