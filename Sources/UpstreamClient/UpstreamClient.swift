package import Credentials
package import Logging
package import Timekeeping
package import Upstream

/// One rule's way to its upstream over HTTP.
///
/// - Redirects are followed here, with the credentials left behind where the origin changes, and only to networks that
///   the upstream may send us to (``AddressPolicy``).
/// - Tokens come from ``Authorizer``: one for each scope, fetched once for everyone.
/// - What fails is tried again within ``RetryPolicy``, since every request is a GET or a HEAD.
package final class UpstreamClient: Sendable {
    /// What one answer of the rule's own host told.
    package struct AnswerReport: Sendable {
        package var status: Int
        package var limits: RateLimitObservation?
        /// When its request was sent.
        package var startedAt: Timestamp
    }

    package let configuration: Configuration
    let transport: UpstreamTransport
    let clock: any WallClock
    let logger: Logger
    let environment: Environment
    let metrics: UpstreamMetrics
    let authorizer: Authorizer
    let connector: Connector
    /// Told of each answer before anything is made of it.
    let listener: (@Sendable (AnswerReport) -> Void)?

    /// - Parameters:
    ///   - credentials: asked at each login, and never before.
    ///   - logins: one for all clients of an account.
    ///   - egress: where its connections leave this machine.
    ///   - sibling: another of the same rule, whose own limits are this one's too.
    ///   - transport: shared by every rule, so that connections are reused.
    ///   - environment: what a test puts in the place of chance and of waiting.
    package init(
        configuration: Configuration, credentials: any CredentialSource = FixedCredentials(.anonymous),
        logins: LoginRecord = LoginRecord(), egress: Egress = .system, sibling: UpstreamClient? = nil,
        transport: UpstreamTransport, clock: any WallClock, logger: Logger, environment: Environment = .system
    ) {
        self.configuration = configuration
        self.transport = transport
        self.clock = clock
        var logger = logger
        logger[metadataKey: "rule"] = "\(configuration.name)"
        self.logger = logger
        self.environment = environment
        metrics = UpstreamMetrics(rule: configuration.name)
        connector = Connector(
            configuration: configuration, egress: egress, transport: transport, logger: logger, metrics: metrics,
            pacing: sibling?.connector.pacing
                ?? Pacing(configuration.pacing, rule: configuration.name, hedging: environment.hedging),
            clock: clock)
        authorizer = Authorizer(
            connector: connector, login: AccountLogin(credentials), logins: logins, clock: clock,
            environment: environment)
        listener = nil
    }

    private init(_ other: UpstreamClient, listener: @escaping @Sendable (AnswerReport) -> Void) {
        configuration = other.configuration
        transport = other.transport
        clock = other.clock
        logger = other.logger
        environment = other.environment
        metrics = other.metrics
        authorizer = other.authorizer
        connector = other.connector
        self.listener = listener
    }

    /// The same client, with its tokens and connections, that tells `listener` of every answer.
    package func reporting(to listener: @escaping @Sendable (AnswerReport) -> Void) -> UpstreamClient {
        UpstreamClient(self, listener: listener)
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
