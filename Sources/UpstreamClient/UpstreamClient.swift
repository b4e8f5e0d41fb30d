internal import AsyncHTTPClient
package import Logging
internal import Synchronization
package import Timekeeping
package import Upstream

/// One rule's way to its upstream over HTTP.
///
/// - Redirects are followed here, with the credentials left behind where the origin changes, and only to networks that
///   the upstream may send us to (``AddressPolicy``).
/// - Tokens come from ``Authorizer``: one for each scope, fetched once for everyone.
/// - What fails is tried again within ``RetryPolicy``, since every request is a GET or a HEAD.
package final class UpstreamClient: Sendable {
    package let configuration: Configuration
    let transport: UpstreamTransport
    let clock: any WallClock
    let logger: Logger
    let environment: Environment
    let metrics: UpstreamMetrics
    let authorizer: Authorizer
    private let ledger = Mutex(RateLimitLedger())

    /// - Parameter transport: shared by every rule, so that connections are reused.
    package convenience init(
        configuration: Configuration, transport: UpstreamTransport, clock: any WallClock, logger: Logger
    ) {
        self.init(
            configuration: configuration, transport: transport, clock: clock, logger: logger, environment: .system)
    }

    /// - Parameter environment: what a test puts in the place of chance and of waiting.
    package init(
        configuration: Configuration, transport: UpstreamTransport, clock: any WallClock, logger: Logger,
        environment: Environment
    ) {
        self.configuration = configuration
        self.transport = transport
        self.clock = clock
        var logger = logger
        logger[metadataKey: "rule"] = "\(configuration.name)"
        self.logger = logger
        self.environment = environment
        metrics = UpstreamMetrics(rule: configuration.name)
        let connector = Connector(
            configuration: configuration, transport: transport, logger: logger, metrics: metrics,
            pacing: Pacing(configuration.pacing, rule: configuration.name, hedging: environment.hedging), clock: clock)
        self.connector = connector
        authorizer = Authorizer(connector: connector, clock: clock, environment: environment)
    }

    let connector: Connector

    /// What the upstream last told about its pull limit, one for each `docker-ratelimit-source`; bounded.
    package var rateLimits: [RateLimitObservation] { ledger.withLock { $0.observations } }

    func record(_ observation: RateLimitObservation) {
        ledger.withLock { $0.record(observation) }
        metrics.observed(observation)
    }

    /// Chance and waiting.
    package struct Environment: Sendable {
        /// From 0 to 1.
        package var random: @Sendable () -> Double
        package var sleep: @Sendable (Duration) async throws -> Void
        var hedging = HedgePolicy.Settings()

        package init(
            random: @escaping @Sendable () -> Double, sleep: @escaping @Sendable (Duration) async throws -> Void
        ) {
            self.random = random
            self.sleep = sleep
        }

        package static let system = Environment(
            random: { Double.random(in: 0...1) }, sleep: { try await Task.sleep(for: $0) })
    }
}
