internal import NIOHTTP1

/// A pull limit as Docker Hub keeps and announces it: manifest GETs count, HEADs do not.
package struct RateLimit: Sendable, Hashable {
    package var limit: Int
    package var remaining: Int
    package var windowSeconds: Int
    /// `docker-ratelimit-source`; nil: not sent.
    package var source: String?
    /// Sent with 429.
    package var retryAfterSeconds: Int?

    package init(
        limit: Int = 100, remaining: Int = 100, windowSeconds: Int = 21_600, source: String? = "192.0.2.1",
        retryAfterSeconds: Int? = nil
    ) {
        self.limit = limit
        self.remaining = remaining
        self.windowSeconds = windowSeconds
        self.source = source
        self.retryAfterSeconds = retryAfterSeconds
    }

    /// Counts a GET; returns the refusal where nothing is left.
    mutating func count(method: String) -> Answer? {
        guard method == "GET" else { return nil }
        guard remaining > 0 else { return Answer.pullLimited.retryAfter(retryAfterSeconds) }
        remaining -= 1
        return nil
    }

    func announce(in headers: inout HTTPHeaders) {
        headers.replaceOrAdd(name: "ratelimit-limit", value: "\(limit);w=\(windowSeconds)")
        headers.replaceOrAdd(name: "ratelimit-remaining", value: "\(remaining);w=\(windowSeconds)")
        if let source { headers.replaceOrAdd(name: "docker-ratelimit-source", value: source) }
    }
}
