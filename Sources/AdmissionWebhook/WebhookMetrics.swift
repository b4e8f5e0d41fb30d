internal import CoreMetrics
internal import Timekeeping

/// What is counted of reviews. Labels come from closed sets.
///
/// `@unchecked` since swift-metrics does not say so of its own types: every one of them is a reference to a handler
/// that may be used from any thread, and the tables are never changed.
final class WebhookMetrics: @unchecked Sendable {
    /// Made when first used: after the program has chosen where metrics go.
    static let shared = WebhookMetrics()

    enum Outcome: String, CaseIterable { case unchanged, changed, denied, malformed, overdue }

    private let reviews: [String: [Outcome: Counter]]
    private let seconds: [String: Timer]
    private let images: [String: Counter]
    private let checks: [String: Counter]
    private let connections = Gauge(label: "weir_webhook_connections")
    private let expiry = Gauge(label: "weir_webhook_certificate_expiry_timestamp_seconds")

    private init() {
        var reviews: [String: [Outcome: Counter]] = [:]
        var seconds: [String: Timer] = [:]
        for kind in ReviewKind.allCases {
            let name = kind.rawValue
            for outcome in Outcome.allCases {
                reviews[name, default: [:]][outcome] = Counter(
                    label: "weir_webhook_reviews_total", dimensions: [("kind", name), ("outcome", outcome.rawValue)])
            }
            seconds[name] = Timer(label: "weir_webhook_review_seconds", dimensions: [("kind", name)])
        }
        self.reviews = reviews
        self.seconds = seconds
        images = Self.counters("weir_webhook_images_total", ["rewritten", "unchanged", "refused", "unknown"])
        checks = Self.counters("weir_webhook_checks_total", ["passes", "fails", "unknown"])
    }

    private static func counters(_ label: String, _ outcomes: [String]) -> [String: Counter] {
        Dictionary(
            uniqueKeysWithValues: outcomes.map { ($0, Counter(label: label, dimensions: [("outcome", $0)])) })
    }

    func reviewed(_ kind: ReviewKind, _ outcome: Outcome, in duration: Duration) {
        reviews[kind.rawValue]?[outcome]?.increment()
        seconds[kind.rawValue]?.recordNanoseconds(duration.wholeNanoseconds)
    }

    func decided(_ outcome: ImageOutcome) {
        switch outcome {
        case .rewritten: images["rewritten"]?.increment()
        case .unchanged: images["unchanged"]?.increment()
        case .refused: images["refused"]?.increment()
        case .unknown, .undecided: images["unknown"]?.increment()
        }
    }

    func checked(_ verdict: CheckVerdict) {
        switch verdict {
        case .passes: checks["passes"]?.increment()
        case .fails: checks["fails"]?.increment()
        case .unknown: checks["unknown"]?.increment()
        }
    }

    func record(connections count: Int) { connections.record(count) }
    /// - Parameter moment: in seconds since 1970.
    func record(certificateExpiry moment: Int64) { expiry.record(moment) }
}
