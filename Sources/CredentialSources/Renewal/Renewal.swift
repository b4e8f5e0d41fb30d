internal import Credentials
internal import Timekeeping

/// Decides what a login gets: what is held, the outcome of a renewal, or the reason why there is nothing.
struct Renewal {
    /// What the caller is to do.
    enum Decision: Equatable {
        case use(IssuedCredentials)
        /// Use these, and start a renewal that nobody waits for.
        case useAndRenew(IssuedCredentials)
        /// Wait for the renewal, which has to be started first where it says so.
        case wait(startsRenewal: Bool)
        case fail(CredentialError)
    }

    private struct Held {
        var issued: IssuedCredentials
        var obtainedAt: Timestamp
        /// Nil: never by itself.
        var renewAt: Timestamp?
        var isRefused = false
    }

    private struct Failure {
        var error: CredentialError
        var count: Int
        var retryAt: Timestamp
    }

    private let policy: RenewalPolicy
    private var held: Held?
    private var failure: Failure?
    /// What the registry refused last, how often in a row, and until when the same is not shown again.
    private var refused: (credentials: AccountCredentials, count: Int, at: Timestamp, until: Timestamp)?
    private var isUnderWay = false

    init(policy: RenewalPolicy) { self.policy = policy }

    /// Taken off the end, since the registry has to accept them a moment later.
    private static let skew = Duration.seconds(5)

    private func isUsable(_ held: Held, at now: Timestamp) -> Bool {
        guard !held.isRefused else { return false }
        return held.issued.expiresAt.map { now < $0 - Self.skew } ?? true
    }

    /// What a login gets at `now`. Where it says that a renewal starts, ``finish(_:at:)`` has to follow.
    mutating func ask(at now: Timestamp) -> Decision {
        let mayTry = !isUnderWay && (failure.map { now >= $0.retryAt } ?? true)
        if let held, isUsable(held, at: now) {
            guard mayTry, let renewAt = held.renewAt, now >= renewAt else { return .use(held.issued) }
            isUnderWay = true
            return .useAndRenew(held.issued)
        }
        if isUnderWay { return .wait(startsRenewal: false) }
        if !mayTry, let failure { return .fail(failure.error) }
        isUnderWay = true
        return .wait(startsRenewal: true)
    }

    /// Notes how a renewal ended; returns what those who wait get.
    mutating func finish(
        _ result: Result<IssuedCredentials, CredentialError>, at now: Timestamp
    ) -> Result<IssuedCredentials, CredentialError> {
        isUnderWay = false
        switch result {
        case .success(let issued):
            if let end = issued.expiresAt, end <= now + Self.skew {
                return fail(.unavailable(reason: "what it gave has run out already; look at the clocks"), at: now)
            }
            if let refused, refused.credentials == issued.credentials, now < refused.until {
                // Shown again at once they would only bring the account nearer to being locked.
                return fail(.refused(reason: "it gives again what the registry refused"), at: now)
            }
            failure = nil
            held = Held(issued: issued, obtainedAt: now, renewAt: renewal(of: issued, obtainedAt: now))
            return .success(issued)
        case .failure(let error): return fail(error, at: now)
        }
    }

    private mutating func fail(
        _ error: CredentialError, at now: Timestamp
    ) -> Result<IssuedCredentials, CredentialError> {
        let count = (failure?.count ?? 0) + 1
        failure = Failure(error: error, count: count, retryAt: now + policy.wait(after: count))
        if let held, isUsable(held, at: now) { return .success(held.issued) }
        return .failure(error)
    }

    private func renewal(of issued: IssuedCredentials, obtainedAt now: Timestamp) -> Timestamp? {
        guard let end = issued.expiresAt else { return policy.lifetimeWithoutEnd.map { now + $0 } }
        return end - RenewalPolicy.margin(of: end - now)
    }

    /// The shortest and longest time until what was refused is shown again: a registry may have erred.
    private static let refusalWaits = (first: Duration.seconds(10), longest: Duration.seconds(600))
    /// Refusals farther apart than this have nothing to do with each other.
    private static let refusalMemory = Duration.seconds(1800)

    /// Notes that the registry refused `credentials`, unless others are held by now. The first refusal has them got
    /// anew by the next login; where new ones are refused as well, each further attempt waits longer.
    /// - Returns: whether it was about what is held.
    mutating func noteRefused(_ credentials: AccountCredentials, at now: Timestamp) -> Bool {
        guard let held, held.issued.credentials == credentials, !held.isRefused else { return false }
        self.held?.isRefused = true
        let isRepeated = refused.map { now - $0.at < Self.refusalMemory } ?? false
        let count = isRepeated ? (refused?.count ?? 0) + 1 : 1
        let wait = min(Self.refusalWaits.first * (1 << min(count - 1, 16)), Self.refusalWaits.longest)
        refused = (credentials, count, now, now + wait)
        if count > 1 {
            failure = Failure(
                error: .refused(reason: "the registry refuses what it gives"), count: count, retryAt: now + wait)
        }
        return true
    }

    func report(origin: String, at now: Timestamp) -> CredentialReport {
        CredentialReport(
            origin: origin, condition: condition(at: now), expiresAt: held?.issued.expiresAt,
            obtainedAt: held?.obtainedAt, failure: failure?.error,
            nextAttemptAt: failure.flatMap { $0.retryAt > now ? $0.retryAt : nil })
    }

    private func condition(at now: Timestamp) -> CredentialReport.Condition {
        if case .refused = failure?.error, held.map({ !isUsable($0, at: now) }) ?? true { return .refused }
        guard let held else { return failure == nil ? .unused : .failing }
        if held.isRefused { return .refused }
        if let end = held.issued.expiresAt, now >= end { return .expired }
        if failure != nil { return .renewalFails }
        if held.issued.expiresAt != nil, let renewAt = held.renewAt, now >= renewAt { return .aboutToExpire }
        return .good
    }
}
