internal import HTTPSemantics
package import Timekeeping

/// How an upstream can fail to give what was asked of it. Descriptions are safe to log and to show to clients.
package enum UpstreamError: Error, Hashable, Sendable, CustomStringConvertible {
    /// No connection: the name does not resolve, nothing listens, TLS fails.
    case unreachable(reason: String)
    /// Nothing came for longer than the limit.
    case timedOut
    /// 404.
    case notFound
    /// 401 or 403, after one renewal of the token; or the token endpoint refused the account.
    case unauthorized(status: Int)
    /// 429.
    case rateLimited(RateLimiter, retryAfter: Duration?)
    /// Nobody of the rule may ask now: nothing was asked.
    case budgetSpent(SpentBudget)
    /// The account's credentials cannot be had: a file that is gone, a cloud that refuses.
    case credentialsUnavailable(reason: String)
    /// 5xx, after the retries.
    case serverError(status: Int, retryAfter: Duration?)
    /// Any other status that is no answer to the request.
    case unexpectedStatus(Int)
    /// An answer that breaks the protocol: a wrong length, a malformed field, HTML.
    case malformedAnswer(reason: String)
    /// The connection broke before the answer was complete.
    case truncated
    case tooLarge(limitBytes: Int)
    /// The upstream sent the client somewhere it must not go (docs/decisions/0005-upstream-trust.md).
    case redirectRefused(reason: String)
    /// The token endpoint that the upstream named is outside its trust.
    case realmRefused(realm: String)
    /// The token endpoint failed or answered nonsense.
    case tokenEndpoint(reason: String)
    case cancelled

    /// Who limits. Docker Hub's two limiters need different reactions (docs: "Usage and limits").
    package enum RateLimiter: String, Sendable, Hashable {
        /// Counts manifest GETs per account or address over hours.
        case pull
        /// Counts every request per address over a minute.
        case abuse
        /// The rule's own `requestRate`.
        case own
    }

    /// Why a rule asks nothing more, and what clients are to make of it.
    package struct SpentBudget: Hashable, Sendable {
        package enum Reason: String, Sendable, Hashable {
            /// The pull limit of every account and address.
            case spent
            /// What is left is kept for clients that pull what was never cached.
            case reserved
            /// Every address was asked for fewer requests.
            case slowed
        }

        package var reason: Reason
        /// When asking makes sense again; nil where nobody knows.
        package var until: Timestamp?
        /// The same from now; what clients are told to wait.
        package var retryAfter: Duration?
        /// Whether clients are led to the upstream itself in place of being held.
        package var leadsToUpstream: Bool

        package init(reason: Reason, until: Timestamp?, retryAfter: Duration?, leadsToUpstream: Bool) {
            self.reason = reason
            self.until = until
            self.retryAfter = retryAfter
            self.leadsToUpstream = leadsToUpstream
        }

        /// `Sat, 31 Jan 2026 12:00:00 GMT, in 2h 5m`; nil where nobody knows.
        package var recovery: String? {
            guard let until, let retryAfter else { return nil }
            let seconds = max(0, retryAfter.wholeSeconds)
            let (hours, minutes) = (seconds / 3600, seconds / 60 % 60)
            let wait = hours > 0 ? "\(hours)h \(minutes)m" : minutes > 0 ? "\(minutes)m" : "\(seconds)s"
            return "\(HTTPDate.format(until.seconds)), in \(wait)"
        }
    }

    package var description: String {
        switch self {
        case .unreachable(let reason): "the upstream cannot be reached: \(reason)"
        case .timedOut: "the upstream did not answer in time"
        case .notFound: "the upstream does not have it"
        case .unauthorized(let status): "the upstream refused access (\(status))"
        case .rateLimited(.pull, _): "the upstream's pull limit is reached"
        case .rateLimited(.abuse, _): "the upstream asks for fewer requests"
        case .rateLimited(.own, _): "the rule's own limit of requests is reached"
        case .budgetSpent(let budget):
            Self.text(budget.reason) + (budget.recovery.map { "; it works again at \($0)" } ?? "; try again later")
        case .credentialsUnavailable(let reason): "the account has no credentials: \(reason)"
        case .serverError(let status, _): "the upstream failed with status \(status)"
        case .unexpectedStatus(let status): "the upstream answered with the unexpected status \(status)"
        case .malformedAnswer(let reason): "the upstream's answer makes no sense: \(reason)"
        case .truncated: "the upstream broke off its answer"
        case .tooLarge(let limit): "the upstream's answer is larger than \(limit) bytes"
        case .redirectRefused(let reason): "the upstream's redirect was refused: \(reason)"
        case .realmRefused(let realm): "the upstream named the token endpoint \(realm), which the rule does not trust"
        case .tokenEndpoint(let reason): "the upstream's token endpoint failed: \(reason)"
        case .cancelled: "the request was cancelled"
        }
    }

    private static func text(_ reason: SpentBudget.Reason) -> String {
        switch reason {
        case .spent: "the upstream's pull limit is reached for every account and address"
        case .reserved: "what is left of the upstream's pull limit is kept for clients that pull what was never cached"
        case .slowed: "the upstream asks for fewer requests"
        }
    }
}
