internal import HTTPSemantics
internal import NIOHTTP1
internal import Timekeeping
internal import Upstream

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
