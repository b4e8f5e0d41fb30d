internal import Credentials
internal import Metrics
internal import PrometheusMetrics
internal import Quota
internal import QuotaGovernor
internal import Rules
internal import Synchronization
internal import Timekeeping

/// How accounts stand, as metrics. Labels are what the configuration names, and bounded.
final class AccountGauges: Sendable {
    /// Accounts of one rule with series of their own; of more, the rest has none.
    private static let accountLimit = 256

    private struct Key: Hashable {
        var label: String
        var dimensions: [String]
    }

    private let registry: PrometheusRegistry
    private let gauges = Mutex<[Key: Gauge]>([:])

    init(registry: PrometheusRegistry) { self.registry = registry }

    /// Shows `reports`, and no longer what they do not say.
    func record(_ reports: [RuleName: [QuotaGovernor.AccountReport]]) {
        gauges.withLock { gauges in
            var left = gauges
            for (rule, reports) in reports {
                for report in reports.prefix(Self.accountLimit) {
                    let labels = [("rule", rule.description), ("account", report.account.description)]
                    let condition = report.credentials.condition.rawValue
                    gauge("weir_account_condition", labels + [("condition", condition)], &gauges, &left).record(1)
                    guard let end = report.credentials.expiresAt else { continue }
                    gauge("weir_account_expiry_timestamp_seconds", labels, &gauges, &left).record(end.seconds)
                }
            }
            for (key, gauge) in left {
                gauge.destroy()
                gauges[key] = nil
            }
        }
    }

    private func gauge(
        _ label: String, _ dimensions: [(String, String)], _ gauges: inout [Key: Gauge], _ left: inout [Key: Gauge]
    ) -> Gauge {
        let key = Key(label: label, dimensions: dimensions.map(\.1))
        left[key] = nil
        if let gauge = gauges[key] { return gauge }
        let gauge = Gauge(label: label, dimensions: dimensions, factory: registry)
        gauges[key] = gauge
        return gauge
    }
}
