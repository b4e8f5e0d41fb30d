import CoreMetrics
import PrometheusMetrics
import Testing

@Suite struct ExpositionTests {
    private func registry(
        seriesLimit: Int = 100, perMetric: Int = 100, help: [String: String] = [:]
    ) -> PrometheusRegistry {
        PrometheusRegistry(
            configuration: .init(
                seriesLimit: seriesLimit, seriesPerMetricLimit: perMetric, secondsBounds: [0.1, 1, 10],
                bytesBounds: [1024, 4096], helpTexts: help))
    }

    @Test func `nothing recorded is no text`() {
        #expect(registry().exposition() == "")
    }

    @Test func `counters are written with help and type, in order`() {
        let registry = registry(help: ["b_total": "A back\\slash\nand a line."])
        Counter(label: "b_total", dimensions: [("rule", "hub"), ("a", "1")], factory: registry).increment(by: 3)
        Counter(label: "b_total", dimensions: [("a", "1"), ("rule", "hub")], factory: registry).increment()
        Counter(label: "a_total", dimensions: [], factory: registry).increment()
        FloatingPointCounter(label: "c_total", dimensions: [], factory: registry).increment(by: 1.5)
        #expect(
            registry.exposition() == """
                # TYPE a_total counter
                a_total 1
                # HELP b_total A back\\\\slash\\nand a line.
                # TYPE b_total counter
                b_total{a="1",rule="hub"} 4
                # TYPE c_total counter
                c_total 1.5

                """)
    }

    @Test func `gauges and meters show their last value`() {
        let registry = registry()
        let gauge = Gauge(label: "quota", dimensions: [], factory: registry)
        gauge.record(20)
        gauge.record(12.5)
        let meter = Meter(label: "running", dimensions: [], factory: registry)
        meter.increment()
        meter.increment()
        meter.decrement()
        #expect(
            registry.exposition() == """
                # TYPE quota gauge
                quota 12.5
                # TYPE running gauge
                running 1

                """)
    }

    @Test func `a gauge that was never set is not shown`() {
        let registry = registry()
        let gauge = Gauge(label: "quota", dimensions: [], factory: registry)
        #expect(registry.exposition() == "")
        gauge.record(0)
        #expect(registry.exposition() == "# TYPE quota gauge\nquota 0\n")
    }

    @Test func `bounds are written as Go's client library writes them`() {
        let bounds: [Double] = [999_999, 1_000_000, 1_234_567, 1_073_741_824]
        let registry = PrometheusRegistry(configuration: .init(namedBounds: ["a_bytes": bounds]))
        Recorder(label: "a_bytes", dimensions: [], aggregate: true, factory: registry).record(1)
        let found = registry.exposition().split(separator: "\n").filter { $0.contains("_bucket{") }
            .compactMap { $0.split(separator: "\"").dropFirst().first.map(String.init) }
        #expect(found == ["999999", "1e+06", "1.234567e+06", "1.073741824e+09", "+Inf"])
    }

    @Test func `timers become histograms in seconds`() {
        let registry = registry()
        let timer = Timer(label: "latency_seconds", dimensions: [("rule", "hub")], factory: registry)
        timer.recordMilliseconds(100)
        timer.recordMilliseconds(500)
        timer.recordSeconds(60)
        #expect(
            registry.exposition() == """
                # TYPE latency_seconds histogram
                latency_seconds_bucket{rule="hub",le="0.1"} 1
                latency_seconds_bucket{rule="hub",le="1"} 2
                latency_seconds_bucket{rule="hub",le="10"} 2
                latency_seconds_bucket{rule="hub",le="+Inf"} 3
                latency_seconds_sum{rule="hub"} 60.6
                latency_seconds_count{rule="hub"} 3

                """)
    }

    @Test func `recorders of bytes have bounds in bytes`() {
        let registry = registry()
        Recorder(label: "blob_bytes", dimensions: [], aggregate: true, factory: registry).record(2000)
        #expect(
            registry.exposition() == """
                # TYPE blob_bytes histogram
                blob_bytes_bucket{le="1024"} 0
                blob_bytes_bucket{le="4096"} 1
                blob_bytes_bucket{le="+Inf"} 1
                blob_bytes_sum 2000
                blob_bytes_count 1

                """)
    }

    @Test func `names and label values from outside cannot break the format`() {
        let registry = registry()
        Counter(
            label: "9 odd.name", dimensions: [("a-b", "x\"y\\z\n# TYPE evil counter"), ("le", "5"), ("a_b", "again")],
            factory: registry
        ).increment()
        #expect(
            registry.exposition() == """
                # TYPE _9_odd_name counter
                _9_odd_name{a_b="x\\"y\\\\z\\n# TYPE evil counter",exported_le="5"} 1

                """)
    }

    @Test func `a label value is cut at its limit`() {
        let registry = registry()
        Counter(label: "a", dimensions: [("x", String(repeating: "y", count: 1000))], factory: registry).increment()
        #expect(registry.exposition() == "# TYPE a counter\na{x=\"\(String(repeating: "y", count: 256))\"} 1\n")
    }

    @Test func `series beyond the bounds are refused and counted`() {
        let registry = registry(seriesLimit: 3, perMetric: 2)
        for index in 0..<5 {
            Counter(label: "a", dimensions: [("i", "\(index)")], factory: registry).increment()
        }
        Counter(label: "b", dimensions: [], factory: registry).increment()
        Counter(label: "c", dimensions: [], factory: registry).increment()
        #expect(
            registry.exposition() == """
                # TYPE a counter
                a{i="0"} 1
                a{i="1"} 1
                # TYPE b counter
                b 1
                # TYPE weir_metrics_refused_series_total counter
                weir_metrics_refused_series_total 4

                """)
    }

    @Test func `a name that is taken by another kind is refused`() {
        let registry = registry()
        Counter(label: "a", dimensions: [], factory: registry).increment()
        Gauge(label: "a", dimensions: [], factory: registry).record(5)
        Gauge(label: "a", dimensions: [("x", "1")], factory: registry).record(5)
        #expect(registry.exposition().hasPrefix("# TYPE a counter\na 1\n#"))
        #expect(registry.exposition().hasSuffix("weir_metrics_refused_series_total 2\n"))
    }

    @Test func `a destroyed series is gone and leaves room`() {
        let registry = registry(seriesLimit: 1)
        let counter = Counter(label: "a", dimensions: [("i", "1")], factory: registry)
        counter.destroy()
        Counter(label: "a", dimensions: [("i", "2")], factory: registry).increment()
        #expect(registry.exposition() == "# TYPE a counter\na{i=\"2\"} 1\n")
    }

    @Test func `nothing that is not finite or not positive reaches a counter`() {
        let registry = registry()
        let counter = CounterInstrument()
        counter.increment(by: Int64(-1))
        counter.increment(by: Double.infinity)
        counter.increment(by: Double.nan)
        counter.increment(by: -2.5)
        let timer = registry.makeRecorder(label: "t", dimensions: [], aggregate: true)
        timer.record(Double.nan)
        #expect(registry.exposition().hasSuffix("t_sum 0\nt_count 0\n"))
        let same = registry.makeFloatingPointCounter(label: "c", dimensions: [])
        same.increment(by: .nan)
        same.increment(by: -1)
        #expect(registry.exposition().contains("\nc 0\n") || registry.exposition().hasPrefix("# TYPE c counter\nc 0\n"))
    }

    @Test func `increments from many tasks are all counted`() async {
        let registry = registry()
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    for _ in 0..<1000 {
                        Counter(label: "n", dimensions: [], factory: registry).increment()
                        Recorder(label: "r", dimensions: [], aggregate: true, factory: registry).record(0.5)
                    }
                }
            }
        }
        #expect(registry.exposition().contains("\nn 8000\n"))
        #expect(registry.exposition().contains("r_sum 4000\nr_count 8000\n"))
    }

    /// <https://github.com/spegel-org/spegel>, `pkg/httpx/middleware.go`.
    @Test func `what is counted as Spegel counts has its buckets`() {
        let registry = PrometheusRegistry()
        Recorder(label: "http_response_size_bytes", dimensions: [], aggregate: true, factory: registry).record(5000)
        Timer(label: "http_request_duration_seconds", dimensions: [], factory: registry).recordNanoseconds(1)
        let bounds = { (name: String) in
            registry.exposition().split(separator: "\n").filter { $0.hasPrefix("\(name)_bucket") }.map {
                String($0.split(separator: "\"")[1])
            }
        }
        #expect(
            bounds("http_response_size_bytes") == [
                "1024", "5120", "25600", "128000", "640000", "3.2e+06", "1.6e+07", "8e+07", "4e+08", "2e+09", "+Inf",
            ])
        #expect(
            bounds("http_request_duration_seconds") == [
                "0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1", "2.5", "5", "10", "+Inf",
            ])
    }

    @Test func `the process shows its memory and descriptors`() {
        let registry = registry()
        ProcessMetrics(factory: registry).update()
        let text = registry.exposition()
        for name in [
            "process_resident_memory_bytes", "process_open_fds", "process_max_fds", "process_cpu_seconds_total",
        ] {
            let line = text.split(separator: "\n").first { $0.hasPrefix("\(name) ") }
            let value = line.flatMap { Double($0.split(separator: " ")[1]) } ?? 0
            #expect(value > 0, "\(name)")
        }
    }
}
