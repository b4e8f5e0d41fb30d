package import HTTPSemantics

/// What an answer told about a budget.
package struct QuotaObservation: Sendable, Hashable {
    /// More than any registry counts; what is above is taken for it, so that arithmetic stays in range.
    static let countMax: Int64 = 1 << 40
    private static let windowMax: Int64 = 400 * 86_400_000

    /// Pulls in a window.
    package let limit: Int64?
    /// Pulls left of them.
    package let remaining: Int64?
    /// The window's length; nil where the upstream does not say.
    package let window: Duration?
    /// Who is counted, as the upstream calls it: an address, or an account's identifier.
    package let source: String?

    package init(limit: RateLimitField?, remaining: RateLimitField?, source: String? = nil) {
        self.limit = limit.map { min($0.count, Self.countMax) }
        self.remaining = remaining.map { min($0.count, Self.countMax) }
        let told = remaining?.window ?? limit?.window
        // A window of no time is none.
        window = told.flatMap { $0 > .zero ? min($0, .milliseconds(Self.windowMax)) : nil }
        self.source = source
    }
}

/// What came of a request, as far as budgets are concerned.
package enum QuotaOutcome: Sendable, Hashable {
    /// The upstream answered, whatever it answered. What its fields told was observed when they came.
    /// - Parameter wasToldLimits: whether any answer had such fields. One without is not counted: a publisher's image
    ///   that is free, an account without limit.
    case answered(wasToldLimits: Bool)
    /// 429 of the limiter that counts pulls.
    case pullLimit(retryAfter: Duration?)
    /// 429 of the limiter that counts requests.
    case abuseLimit(retryAfter: Duration?)
    /// No answer came, and nobody knows whether it was counted.
    case unknown
    /// It was never sent.
    case unsent
}
