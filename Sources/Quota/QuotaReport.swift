package import Timekeeping

/// What is known of one pair, for people and for plans.
package struct QuotaPairReport: Sendable, Hashable {
    package enum State: String, Sendable, Hashable, CaseIterable {
        /// Nothing was asked by it yet.
        case unknown
        /// The upstream announces no limit.
        case unlimited
        case open
        /// Only first pulls may still use it.
        case reserved
        /// Nothing is left of the window.
        case spent
        /// The upstream asked the address for fewer requests.
        case slowed
        /// The account's login was refused, or it has no credentials.
        case refused
    }

    package var pair: QuotaPair
    package var state: State
    /// Who is counted, as the upstream calls it. Pairs of one source share one budget.
    package var source: String?
    package var limit: Int64?
    /// What is left, as the upstream last said, less what was spent since.
    package var remaining: Int64?
    /// Pulls that are on their way.
    package var inFlight: Int
    package var reserve: Int64?
    package var window: Duration?
    /// When all of it is there again, at the latest.
    package var recoversAt: Timestamp?
    /// When the state ends by itself: of an address, an account, or a budget that is set aside.
    package var setAsideUntil: Timestamp?
    package var observedAt: Timestamp?
    package var spentPerHour: Double
    /// When nothing is left, if it goes on like this; nil where the window ends before.
    package var runsOutAt: Timestamp?
}

/// What is known of a rule's pairs.
package struct QuotaReport: Sendable, Hashable {
    package var pairs: [QuotaPairReport]
    /// From 0, plenty, to 1, nothing: how much of the pace that the window allows the best budget is behind.
    package var urgency: Double
    /// Pulls of images that were never cached that may begin now; nil: without limit, or none is known yet.
    package var firstPulls: Int64?
    /// The same of images that are cached, which leave the reserve alone.
    package var pulls: Int64?
    /// The same of what no client waits for, which leaves twice the reserve alone.
    package var backgroundPulls: Int64?
    /// When a first pull can be begun again; nil where it can now, or nobody knows.
    package var opensAt: Timestamp?
}

/// Why a pair would be taken, or not.
package enum QuotaVerdict: Sendable, Hashable, CustomStringConvertible {
    case chosen
    /// It would do, and another is better.
    case usable
    case spent(until: Timestamp?)
    /// Only first pulls may still use it.
    case reserved(until: Timestamp?)
    case slowed(until: Timestamp?)
    case refused(until: Timestamp?)
    /// The account was refused for this repository, and is not asked again before others.
    case excluded

    package var description: String {
        switch self {
        case .chosen: "would be used"
        case .usable: "would do; another comes first"
        case .spent: "nothing is left"
        case .reserved: "what is left is kept for clients that pull what was never cached"
        case .slowed: "the upstream asked this address for fewer requests"
        case .refused: "the account's login was refused, or it has no credentials"
        case .excluded: "the account was refused for this repository"
        }
    }
}

/// What would be chosen, and why.
package struct QuotaExplanation: Sendable, Hashable {
    package struct Candidate: Sendable, Hashable {
        package var pair: QuotaPair
        package var verdict: QuotaVerdict
        /// Pulls that it has for the purpose; nil: no limit is known.
        package var headroom: Int64?
        /// Pulls per hour that is left of its window: what pairs are compared by.
        package var headroomPerHour: Double?
    }

    package var purpose: QuotaPurpose
    package var decision: QuotaDecision
    /// The best first, then as configured; bounded.
    package var candidates: [Candidate]
}

/// What is kept of a pair across restarts. Times are of the wall clock.
package struct QuotaRecord: Sendable, Hashable {
    package var pair: QuotaPair
    package var source: String?
    /// Nil: without limit.
    package var limit: Int64?
    package var remaining: Int64
    package var window: Duration?
    package var windowEndsAt: Timestamp?
    package var blockedUntil: Timestamp?
    package var observedAt: Timestamp

    package init(
        pair: QuotaPair, source: String?, limit: Int64?, remaining: Int64, window: Duration?,
        windowEndsAt: Timestamp?, blockedUntil: Timestamp?, observedAt: Timestamp
    ) {
        self.pair = pair
        self.source = source
        self.limit = limit
        self.remaining = remaining
        self.window = window
        self.windowEndsAt = windowEndsAt
        self.blockedUntil = blockedUntil
        self.observedAt = observedAt
    }
}
