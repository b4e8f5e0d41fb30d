package import CoreMetrics
internal import Synchronization

/// Every metric of the process, and their text form for Prometheus.
///
/// The number of series is bounded: what comes from outside may be in a label, and must not fill the memory. A series
/// beyond the bound works for its holder and is not exposed; `weir_metrics_refused_series_total` counts those.
package final class PrometheusRegistry: MetricsFactory {
    package struct Configuration: Sendable, Hashable {
        /// Series in all; default 20 000.
        package var seriesLimit: Int
        /// Series of one metric; default 2000.
        package var seriesPerMetricLimit: Int
        /// Upper bounds of what is measured in seconds. The defaults reach from an answer out of memory (0.5 ms) to
        /// the transfer of a large layer (10 min).
        package var secondsBounds: [Double]
        /// Upper bounds of what is measured in bytes: metrics whose name ends in `_bytes`.
        package var bytesBounds: [Double]
        /// Upper bounds of metrics by name, where they are others.
        package var namedBounds: [String: [Double]]
        /// `# HELP` by metric name.
        package var helpTexts: [String: String]

        package init(
            seriesLimit: Int = 20_000, seriesPerMetricLimit: Int = 2000,
            secondsBounds: [Double] = [
                0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 120, 600,
            ],
            bytesBounds: [Double] = (0..<13).map { Double(1 << (10 + 2 * $0)) },
            namedBounds: [String: [Double]] = PrometheusRegistry.spegelBounds,
            helpTexts: [String: String] = PrometheusRegistry.helpTexts
        ) {
            self.seriesLimit = seriesLimit
            self.seriesPerMetricLimit = seriesPerMetricLimit
            self.secondsBounds = secondsBounds
            self.bytesBounds = bytesBounds
            self.namedBounds = namedBounds
            self.helpTexts = helpTexts
        }
    }

    private enum Instrument {
        case counter(CounterInstrument)
        case gauge(GaugeInstrument)
        case histogram(HistogramInstrument)

        var kind: MetricKind {
            switch self {
            case .counter: .counter
            case .gauge: .gauge
            case .histogram: .histogram
            }
        }

        var identity: ObjectIdentifier {
            switch self {
            case .counter(let counter): ObjectIdentifier(counter)
            case .gauge(let gauge): ObjectIdentifier(gauge)
            case .histogram(let histogram): ObjectIdentifier(histogram)
            }
        }
    }

    private struct Family {
        let kind: MetricKind
        /// By the labels' text form, which is the same for the same labels in any order.
        var series: [String: Instrument] = [:]
    }

    private struct State {
        var families: [String: Family] = [:]
        var seriesCount = 0
    }

    private let configuration: Configuration
    private let state = Mutex(State())
    private let refused = Atomic<Int>(0)

    package init(configuration: Configuration = Configuration()) {
        self.configuration = configuration
    }

    // MARK: MetricsFactory

    package func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
        counter(label, dimensions)
    }

    package func makeFloatingPointCounter(
        label: String, dimensions: [(String, String)]
    ) -> any FloatingPointCounterHandler {
        counter(label, dimensions)
    }

    package func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
        gauge(label, dimensions)
    }

    package func makeRecorder(label: String, dimensions: [(String, String)], aggregate: Bool) -> any RecorderHandler {
        aggregate ? histogram(label, dimensions) : gauge(label, dimensions)
    }

    package func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
        histogram(label, dimensions)
    }

    package func destroyCounter(_ handler: any CounterHandler) { remove(ObjectIdentifier(handler)) }
    package func destroyMeter(_ handler: any MeterHandler) { remove(ObjectIdentifier(handler)) }
    package func destroyFloatingPointCounter(_ handler: any FloatingPointCounterHandler) {
        remove(ObjectIdentifier(handler))
    }
    package func destroyRecorder(_ handler: any RecorderHandler) { remove(ObjectIdentifier(handler)) }
    package func destroyTimer(_ handler: any TimerHandler) { remove(ObjectIdentifier(handler)) }

    // MARK: Text

    /// Everything in text format 0.0.4, families and series in order.
    package func exposition() -> String {
        let families = state.withLock { $0.families }
        var writer = ExpositionWriter(helpTexts: configuration.helpTexts)
        for (name, family) in families.sorted(by: { $0.key < $1.key }) where !family.series.isEmpty {
            writer.begin(name, kind: family.kind)
            for (labels, instrument) in family.series.sorted(by: { $0.key < $1.key }) {
                switch instrument {
                case .counter(let counter): writer.sample(name, labels: labels, value: counter.text)
                case .gauge(let gauge):
                    if let value = gauge.text { writer.sample(name, labels: labels, value: value) }
                case .histogram(let histogram): writer.histogram(name, labels: labels, histogram)
                }
            }
        }
        let refused = refused.load(ordering: .relaxed)
        if refused > 0 {
            writer.begin("weir_metrics_refused_series_total", kind: .counter)
            writer.sample("weir_metrics_refused_series_total", labels: "", value: "\(refused)")
        }
        return writer.text
    }

    // MARK: Series

    private func counter(_ label: String, _ dimensions: [(String, String)]) -> CounterInstrument {
        let instrument = series(label, dimensions, kind: .counter) { _ in .counter(CounterInstrument()) }
        if case .counter(let counter) = instrument { return counter }
        return CounterInstrument()
    }

    private func gauge(_ label: String, _ dimensions: [(String, String)]) -> GaugeInstrument {
        let instrument = series(label, dimensions, kind: .gauge) { _ in .gauge(GaugeInstrument()) }
        if case .gauge(let gauge) = instrument { return gauge }
        return GaugeInstrument()
    }

    private func histogram(_ label: String, _ dimensions: [(String, String)]) -> HistogramInstrument {
        let configuration = configuration
        let instrument = series(label, dimensions, kind: .histogram) { name in
            .histogram(
                HistogramInstrument(
                    bounds: configuration.namedBounds[name]
                        ?? (name.hasSuffix("_bytes") ? configuration.bytesBounds : configuration.secondsBounds)))
        }
        if case .histogram(let histogram) = instrument { return histogram }
        return HistogramInstrument(bounds: configuration.secondsBounds)
    }

    /// The series of that name and those labels, made if there is room; nil where there is none, or where the name
    /// already belongs to a metric of another kind.
    private func series(
        _ label: String, _ dimensions: [(String, String)], kind: MetricKind, make: (String) -> Instrument
    ) -> Instrument? {
        let name = MetricLabels.metricName(label)
        let labels = MetricLabels.text(dimensions)
        let found: Instrument? = state.withLock { state in
            if let instrument = state.families[name]?.series[labels] {
                return instrument.kind == kind ? instrument : nil
            }
            let family = state.families[name] ?? Family(kind: kind)
            guard family.kind == kind, state.seriesCount < configuration.seriesLimit,
                family.series.count < configuration.seriesPerMetricLimit
            else { return nil }
            let instrument = make(name)
            state.families[name, default: family].series[labels] = instrument
            state.seriesCount += 1
            return instrument
        }
        if found == nil { refused.wrappingAdd(1, ordering: .relaxed) }
        return found
    }

    private func remove(_ identity: ObjectIdentifier) {
        state.withLock { state in
            for (name, family) in state.families {
                for (labels, instrument) in family.series where instrument.identity == identity {
                    state.families[name]?.series[labels] = nil
                    state.seriesCount -= 1
                    return
                }
            }
        }
    }
}
