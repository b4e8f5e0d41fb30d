internal import HTTPSemantics
internal import NIOHTTP1
internal import Timekeeping
package import Upstream

/// What an upstream last told about its pull limit, one for each source that it counts.
package struct RateLimitLedger: Sendable {
    /// Sources kept at most: an account is one, and so is an address; those heard of longest ago go first.
    package static let sourceLimit = 16

    package private(set) var observations: [RateLimitObservation] = []

    package init() {}

    /// Keeps what an answer tells.
    package mutating func record(_ observation: RateLimitObservation) {
        observations.removeAll { $0.source == observation.source }
        observations.append(observation)
        if observations.count > Self.sourceLimit { observations.removeFirst() }
    }
}

extension RateLimitObservation {
    /// Reads the fields of an answer; nil where it has none.
    init?(_ headers: HTTPHeaders, now: Timestamp) {
        let limit = headers.first(name: "ratelimit-limit").flatMap { RateLimitField($0) }
        let remaining = headers.first(name: "ratelimit-remaining").flatMap { RateLimitField($0) }
        guard limit != nil || remaining != nil else { return nil }
        // Shown to people, and a key: nothing but what an address or an account's identifier has.
        let source = headers.first(name: "docker-ratelimit-source").flatMap { text in
            (1...128).contains(text.utf8.count) && text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F } ? text : nil
        }
        self.init(limit: limit, remaining: remaining, source: source, observedAt: now)
    }
}
