package import HTTPSemantics
package import Timekeeping

/// What an upstream's answer told about its pull limit. Docker Hub: "Pull usage and limits"; best effort, absent
/// where no limit applies.
package struct RateLimitObservation: Sendable, Hashable {
    package var limit: RateLimitField?
    package var remaining: RateLimitField?
    /// `docker-ratelimit-source`: the address or account that is counted.
    package var source: String?
    package var observedAt: Timestamp

    package init(limit: RateLimitField?, remaining: RateLimitField?, source: String?, observedAt: Timestamp) {
        self.limit = limit
        self.remaining = remaining
        self.source = source
        self.observedAt = observedAt
    }
}
