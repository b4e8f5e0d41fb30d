/// How hard one rule's upstream is asked.
package struct PacingSettings: Sendable, Hashable {
    /// Bytes of blobs each second; nil: no limit.
    package var bandwidth: Int64?
    /// Requests to the registry each second, those to its token service and its storage elsewhere aside; nil: no limit.
    package var requestsPerSecond: Double?
    /// Whether slow requests that count as no pull are asked a second time.
    package var hedges: Bool

    package init(bandwidth: Int64? = nil, requestsPerSecond: Double? = nil, hedges: Bool = true) {
        self.bandwidth = bandwidth
        self.requestsPerSecond = requestsPerSecond
        self.hedges = hedges
    }
}
