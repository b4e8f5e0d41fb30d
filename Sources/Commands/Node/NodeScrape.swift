internal import Metrics
internal import PrometheusMetrics

/// The text of a node's `/metrics`.
struct NodeScrape: Sendable {
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

    func record(peers: Int, setAside: Int) {
        Gauge(label: "weir_node_peers", dimensions: [], factory: registry).record(peers)
        Gauge(label: "weir_node_peers_set_aside", dimensions: [], factory: registry).record(setAside)
    }
}
