internal import Logging
internal import Metrics
internal import PrometheusMetrics

/// Logs and metrics of a process that serves, chosen once at its start.
struct Telemetry: Sendable {
    let level: SharedLogLevel
    let metrics: PrometheusRegistry
    let logger: Logger

    /// - Parameter warnings: of the configuration; logged.
    init(_ log: ServiceConfiguration.Log, warnings: [ConfigurationProblem]) {
        let level = SharedLogLevel(Logger.Level(rawValue: log.level) ?? .info)
        self.level = level
        LoggingSystem.bootstrap { _ in StandardErrorLog(format: log.format, level: level) }
        metrics = PrometheusRegistry()
        MetricsSystem.bootstrap(metrics)
        logger = Logger(label: "weir")
        for warning in warnings {
            logger.warning("The configuration has a warning", metadata: ["warning": "\(warning)"])
        }
    }
}
