internal import Metrics
internal import PrometheusMetrics

/// The text of `/metrics`: what was counted, and what of the process is read anew for each scrape.
struct ProcessScrape: Sendable {
    private let registry: PrometheusRegistry
    private let process: ProcessMetrics

    init(_ registry: PrometheusRegistry) {
        self.registry = registry
        process = ProcessMetrics(factory: registry)
        Gauge(label: "weir_info", dimensions: [("version", Version.text)], factory: registry).record(1)
    }

    func text() -> String {
        process.update()
        return registry.exposition()
    }

    func set(_ name: String, _ value: some BinaryInteger) {
        Gauge(label: name, dimensions: [], factory: registry).record(value)
    }
}
