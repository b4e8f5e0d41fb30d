package import Logging
package import Timekeeping
package import Upstream

/// One rule's way to its upstream over HTTP.
package final class UpstreamClient: Sendable {
    package let configuration: Configuration

    /// - Parameter transport: shared by every rule, so that connections are reused.
    package init(configuration: Configuration, transport: UpstreamTransport, clock: any WallClock, logger: Logger) {
        self.configuration = configuration
    }

    /// What the upstream last told about its pull limit, one for each `docker-ratelimit-source`; bounded.
    package var rateLimits: [RateLimitObservation] { [] }
}
