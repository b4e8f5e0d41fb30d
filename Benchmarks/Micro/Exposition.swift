internal import Benchmark
internal import CoreMetrics
internal import PrometheusMetrics

/// What a scrape of `/metrics` costs, and what a counted event does.
enum Exposition {
    static func register() {
        let registry = PrometheusRegistry()
        for number in 0..<50 {
            let labels = [("rule", "rule-\(number)"), ("kind", "blob")]
            Counter(label: "micro_requests_total", dimensions: labels, factory: registry).increment(by: number)
            CoreMetrics.Timer(label: "micro_request_seconds", dimensions: labels, factory: registry)
                .recordNanoseconds(Int64(number) * 1_000_000)
        }
        Benchmark("metrics: text of 50 counters and 50 histograms", configuration: .init(scalingFactor: .one)) {
            benchmark in
            for _ in benchmark.scaledIterations { blackHole(registry.exposition()) }
        }

        let counter = Counter(label: "micro_events_total", factory: registry)
        Benchmark("metrics: count an event") { benchmark in
            for _ in benchmark.scaledIterations { counter.increment() }
        }
        let timer = CoreMetrics.Timer(label: "micro_event_seconds", factory: registry)
        Benchmark("metrics: record a duration") { benchmark in
            for _ in benchmark.scaledIterations { timer.recordNanoseconds(1_234_567) }
        }
    }
}
