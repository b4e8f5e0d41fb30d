/// Writes text format 0.0.4 (Prometheus documentation, "Exposition formats").
struct ExpositionWriter {
    private let helpTexts: [String: String]
    private(set) var text = ""
    /// What goes before the family's first sample; a family without samples is not written.
    private var pending = ""

    init(helpTexts: [String: String]) { self.helpTexts = helpTexts }

    mutating func begin(_ name: String, kind: MetricKind) {
        pending = ""
        if let help = helpTexts[name] {
            let escaped = help.replacing("\\", with: "\\\\").replacing("\n", with: "\\n")
            pending += "# HELP \(name) \(escaped)\n"
        }
        pending += "# TYPE \(name) \(kind.rawValue)\n"
    }

    mutating func sample(_ name: String, labels: String, value: String) {
        text += pending
        pending = ""
        text += labels.isEmpty ? "\(name) \(value)\n" : "\(name){\(labels)} \(value)\n"
    }

    mutating func histogram(_ name: String, labels: String, _ histogram: HistogramInstrument) {
        let (cumulative, sum) = histogram.snapshot
        let separator = labels.isEmpty ? "" : ","
        for (count, bound) in zip(cumulative, histogram.bounds + [.infinity]) {
            sample(
                "\(name)_bucket", labels: "\(labels)\(separator)le=\"\(prometheusBound(bound))\"", value: "\(count)")
        }
        sample("\(name)_sum", labels: labels, value: prometheusNumber(sum))
        sample("\(name)_count", labels: labels, value: "\(cumulative.last ?? 0)")
    }
}
