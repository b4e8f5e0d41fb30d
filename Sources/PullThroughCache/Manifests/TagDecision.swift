internal import MetadataStore
internal import OCI
internal import Rules
internal import Timekeeping

/// What to do about a tag, decided from what is known of it.
enum TagDecision: Sendable, Hashable {
    /// Use what is known; it stays fresh for `ttl`.
    case fresh(ttl: Duration)
    /// Use what is known, which has been stale for `staleness`, and ask the upstream meanwhile.
    case staleWhileRevalidating(staleness: Duration)
    /// Use what is known without asking: the upstream failed a moment ago.
    case staleWhilePaused(staleness: Duration)
    /// Use what is known without asking: the upstream's budget is short, and this can wait.
    case postponed(staleness: Duration)
    /// Ask the upstream whether what is known still holds.
    case revalidate
    /// Nothing is known.
    case resolve
    /// The upstream said a moment ago that there is no such tag.
    case absent(ttl: Duration)

    /// - Parameters:
    ///   - checkedAt: when the upstream last confirmed what is known; nil where nothing is.
    ///   - absentUntil: until when the upstream's "no such tag" holds.
    ///   - isForced: a client that may do so asked for revalidation.
    ///   - pausedBy: how the upstream failed a moment ago; nil where it did not.
    ///   - urgency: how short the upstream's budget is, from 0 to 1; only asked of what is no longer fresh.
    init(
        tag: Tag, rule: Rule, checkedAt: Timestamp?, absentUntil: Timestamp?, now: Timestamp, isForced: Bool,
        pausedBy: OutageCondition?, urgency: @autoclosure () -> Double = 0
    ) {
        guard !isForced else {
            self = checkedAt == nil ? .resolve : .revalidate
            return
        }
        if let absentUntil, now < absentUntil {
            self = .absent(ttl: absentUntil - now)
            return
        }
        guard let checkedAt else {
            self = .resolve
            return
        }
        // A clock that was set back makes the check seem to lie ahead; then its age is unknown, and it is asked again.
        let age = now - checkedAt
        let lifetime = rule.freshness.lifetime(of: tag)
        if age >= .zero, age < lifetime {
            self = .fresh(ttl: lifetime - age)
        } else if age >= .zero, age < rule.freshness.stretched(lifetime, urgency: urgency()) {
            self = .postponed(staleness: age - lifetime)
        } else if age >= .zero, age < lifetime + rule.freshness.staleWhileRevalidate {
            self = .staleWhileRevalidating(staleness: age - lifetime)
        } else if let pausedBy, rule.outage.servesStale(under: pausedBy, age: age) {
            self = .staleWhilePaused(staleness: age - lifetime)
        } else {
            self = .revalidate
        }
    }
}

extension TagRecord {
    /// Whether a client is answered from it without asking.
    func isFresh(at now: Timestamp, _ rule: Rule) -> Bool {
        let age = now - checkedAt
        return age >= .zero && age < rule.freshness.lifetime(of: tag)
    }
}
