internal import Metrics
internal import Quota
internal import Synchronization

/// What is counted of a rule's accounts and addresses. Labels are what the configuration names, and bounded.
struct QuotaMetrics: Sendable {
    /// Pairs with series of their own; of more, the rest has none.
    private static let pairLimit = 256

    private final class Seen: Sendable {
        let pairs = Mutex<Set<QuotaPair>>([])
    }

    private let rule: String
    private let seen = Seen()

    init(rule: String) { self.rule = rule }

    func observed(_ observation: QuotaObservation, by pair: QuotaPair) {
        let isShown = seen.pairs.withLock { pairs in
            if pairs.contains(pair) { return true }
            guard pairs.count < Self.pairLimit else { return false }
            pairs.insert(pair)
            return true
        }
        guard isShown else { return }
        let labels = [
            ("rule", rule), ("account", pair.account.description), ("egress", pair.egress.description),
        ]
        if let limit = observation.limit { Gauge(label: "weir_upstream_quota_limit", dimensions: labels).record(limit) }
        if let remaining = observation.remaining {
            Gauge(label: "weir_upstream_quota_remaining", dimensions: labels).record(remaining)
        }
    }

    /// A 429 of the upstream's.
    func limited(_ limiter: String) {
        Counter(label: "weir_upstream_limited_total", dimensions: [("rule", rule), ("limiter", limiter)]).increment()
    }

    /// A request that nobody was asked for.
    func refused(_ reason: String) {
        Counter(label: "weir_quota_refused_total", dimensions: [("rule", rule), ("reason", reason)]).increment()
    }

    func accountFailed(_ account: AccountName, _ reason: String) {
        Counter(
            label: "weir_account_failures_total",
            dimensions: [("rule", rule), ("account", account.description), ("reason", reason)]
        ).increment()
    }
}
