internal import Credentials
internal import HTTPSemantics
internal import Logging
internal import OCI
internal import Quota
internal import Synchronization
internal import Timekeeping
internal import Upstream
internal import UpstreamClient

/// What one request has been through.
private struct Attempts {
    var excluded: Set<AccountName> = []
    var avoided: Set<EgressName> = []
    /// Who said that there is no such thing, and may have been kept from seeing it.
    var blind: [AccountName] = []
    /// What to answer where nobody gives more.
    var error: UpstreamError?
    var count = 0
    var waits = 0
    /// Those refused earlier are asked once nobody else is left.
    var asksDenied = false
}

/// What the answers to one request told.
private final class AnswersHeard: Sendable {
    private struct State {
        var count = 0
        var wereLimitsTold = false
    }

    private let state = Mutex(State())

    func note(_ report: UpstreamClient.AnswerReport) {
        state.withLock { state in
            state.count += 1
            if report.limits != nil { state.wereLimitsTold = true }
        }
    }

    var wereLimitsTold: Bool { state.withLock { $0.wereLimitsTold } }
    var isAnything: Bool { state.withLock { $0.count > 0 } }
}

extension QuotaGovernor {
    /// Accounts asked for one request, of however many there are; who was refused is remembered, so that the next
    /// request goes on with others.
    private static let attemptLimit = 8
    /// Accounts asked after one of them said that there is no such thing.
    private static let blindLimit = 3
    /// How long a request waits for an address that was slowed; longer, and it is refused.
    private static let waitMax = Duration.seconds(2)
    private static let waitLimit = 5

    private enum Step {
        case ask(SharedBudgets.Grant, UpstreamClient)
        case wait(Duration)
        case fail(UpstreamError)
    }

    func perform<Value>(
        _ purpose: QuotaPurpose, _ repository: RepositoryName,
        _ ask: (UpstreamClient) async throws(UpstreamError) -> Value
    ) async throws(UpstreamError) -> Value {
        var attempts = Attempts()
        let name = "\(repository)"
        while true {
            switch step(purpose, name, &attempts) {
            case .fail(let error): throw error
            case .wait(let duration):
                attempts.waits += 1
                do { try await environment.sleep(duration) } catch { throw .cancelled }
            case .ask(let reservation, let client):
                attempts.count += 1
                let heard = AnswersHeard()
                let listening = client.reporting { report in
                    heard.note(report)
                    self.take(report, reservation)
                }
                do throws(UpstreamError) {
                    let value = try await ask(listening)
                    succeeded(reservation, heard, name, attempts)
                    return value
                } catch {
                    guard tryAnother(after: error, reservation, heard, name, &attempts) else {
                        throw attempts.error ?? error
                    }
                }
            }
        }
    }

    private func step(_ purpose: QuotaPurpose, _ repository: String, _ attempts: inout Attempts) -> Step {
        let now = clock.now()
        var current = attempts
        defer { attempts = current }
        return state.withLock { state in
            state.isInUse = true
            while true {
                let denied = current.asksDenied ? [] : state.access.denied(in: repository, now: now)
                let request = QuotaRequest(
                    purpose, preferring: state.access.account(for: repository),
                    excluding: current.excluded.union(denied), avoiding: current.avoided)
                switch budgets.choose(request, now: now) {
                case .granted(let reservation):
                    return .ask(reservation, client(of: reservation.pair, &state))
                case .refused(let refusal):
                    if refusal.reason == .nobody, !denied.isEmpty, !current.asksDenied {
                        current.asksDenied = true
                        continue
                    }
                    return refused(refusal, current, state, now: now)
                }
            }
        }
    }

    private func refused(_ refusal: QuotaRefusal, _ attempts: Attempts, _ state: State, now: Timestamp) -> Step {
        if refusal.reason == .slowed, attempts.waits < Self.waitLimit, let until = refusal.until,
            until - now <= Self.waitMax
        {
            return .wait(max(.milliseconds(1), until - now))
        }
        switch attempts.error {
        // Who is left may see it, and has nothing left: that says more than that others may not.
        case .rateLimited, .unauthorized, .credentialsUnavailable, nil: break
        case let error?: return .fail(error)
        }
        let reason: UpstreamError.SpentBudget.Reason
        switch refusal.reason {
        case .spent: reason = .spent
        case .reserved: reason = .reserved
        case .slowed: reason = .slowed
        case .refused, .nobody:
            let problem = state.problems.min { $0.key < $1.key }?.value
            return .fail(attempts.error ?? problem ?? .unauthorized(status: 401))
        }
        metrics.refused(reason.rawValue)
        return .fail(spent(reason, until: refusal.until, now: now))
    }

    private func spent(
        _ reason: UpstreamError.SpentBudget.Reason, until: Timestamp?, now: Timestamp
    ) -> UpstreamError {
        .budgetSpent(
            UpstreamError.SpentBudget(
                reason: reason, until: until, retryAfter: until.map { max(.seconds(1), $0 - now) },
                leadsToUpstream: configuration.leadsToUpstream))
    }

    /// Who would be refused for a repository, or is set aside for a moment, is no matter here: only what lasts is told.
    func foreseenRefusal(of purpose: QuotaPurpose) -> UpstreamError? {
        let now = clock.now()
        guard let refusal = budgets.withLedger({ $0.refusal(of: QuotaRequest(purpose), now: now) }) else {
            return nil
        }
        switch refusal.reason {
        case .spent: return spent(.spent, until: refusal.until, now: now)
        case .reserved: return spent(.reserved, until: refusal.until, now: now)
        case .slowed, .refused, .nobody: return nil
        }
    }

    // MARK: What came of it

    func take(_ report: UpstreamClient.AnswerReport, _ reservation: SharedBudgets.Grant) {
        guard let limits = report.limits else { return }
        let observation = QuotaObservation(limit: limits.limit, remaining: limits.remaining, source: limits.source)
        let now = clock.now()
        budgets.observe(observation, by: reservation, startedAt: report.startedAt, now: now)
        metrics.observed(observation, by: reservation.pair)
    }

    private func settle(_ reservation: SharedBudgets.Grant, _ outcome: QuotaOutcome) {
        budgets.settle(reservation, outcome, now: clock.now())
    }

    private func succeeded(
        _ reservation: SharedBudgets.Grant, _ heard: AnswersHeard, _ repository: String, _ attempts: Attempts
    ) {
        let now = clock.now()
        let account = reservation.pair.account
        budgets.settle(reservation, .answered(wasToldLimits: heard.wereLimitsTold), now: now)
        let recovered = state.withLock { state in
            state.access.noteAccess(of: account, to: repository)
            // They cannot see what is there.
            for blind in attempts.blind where blind != account {
                state.access.noteDenial(of: blind, to: repository, now: now)
            }
            guard state.problems.removeValue(forKey: account) != nil else { return false }
            budgets.withLedger { $0.setAside(account, until: nil, now: now) }
            return true
        }
        if recovered { announce(account) }
    }

    /// Settles a failure; returns whether another pair may do better.
    private func tryAnother(
        after error: UpstreamError, _ reservation: SharedBudgets.Grant, _ heard: AnswersHeard, _ repository: String,
        _ attempts: inout Attempts
    ) -> Bool {
        let pair = reservation.pair
        let isLast = attempts.count >= Self.attemptLimit
        switch error {
        case .rateLimited(.pull, let retryAfter):
            settle(reservation, .pullLimit(retryAfter: retryAfter))
            noteSpent(pair)
            attempts.error = attempts.error ?? error
            return !isLast
        case .rateLimited(.abuse, let retryAfter):
            settle(reservation, .abuseLimit(retryAfter: retryAfter))
            metrics.limited("abuse")
            logOnce(
                "abuse \(pair.egress)", "The upstream asked an address for fewer requests",
                ["address": "\(pair.egress)"])
            attempts.error = attempts.error ?? error
            return !isLast
        case .unauthorized:
            settle(reservation, .answered(wasToldLimits: true))
            noteRefused(pair.account, error, repository)
            attempts.excluded.insert(pair.account)
            attempts.error = error
            return !isLast
        case .credentialsUnavailable:
            settle(reservation, .unsent)
            noteWithoutCredentials(pair.account, error)
            attempts.excluded.insert(pair.account)
            attempts.error = attempts.error ?? error
            return !isLast
        case .notFound:
            settle(reservation, .answered(wasToldLimits: true))
            return isBlind(pair.account, repository, &attempts) && !isLast
        default:
            settle(reservation, Self.outcome(of: error, heard))
            return mayAvoid(pair.egress, after: error, &attempts)
        }
    }

    /// Whether one who says that there is no such thing may merely be kept from seeing it, and another is to be asked.
    private func isBlind(_ account: AccountName, _ repository: String, _ attempts: inout Attempts) -> Bool {
        let known = state.withLock { $0.access.account(for: repository) }
        attempts.blind.append(account)
        attempts.excluded.insert(account)
        // Where others were refused, it may be there for all anyone knows.
        if attempts.error == nil { attempts.error = .notFound }
        if known == account {
            attempts.error = .notFound
            return false
        }
        if let known, !attempts.excluded.contains(known) { return true }
        return attempts.blind.count < Self.blindLimit
    }

    /// Of several ways out, one may be closed.
    private func mayAvoid(_ egress: EgressName, after error: UpstreamError, _ attempts: inout Attempts) -> Bool {
        guard case .unreachable = error, egresses.count > 1, attempts.avoided.isEmpty else { return false }
        attempts.avoided.insert(egress)
        attempts.error = error
        logOnce(
            "unreachable \(egress)", "The upstream cannot be reached from an address",
            ["address": "\(egress)", "reason": "\(error)"])
        return true
    }

    private static func outcome(of error: UpstreamError, _ heard: AnswersHeard) -> QuotaOutcome {
        if heard.isAnything { return .answered(wasToldLimits: true) }
        return switch error {
        case .unreachable, .realmRefused, .tokenEndpoint, .redirectRefused: .unsent
        default: .unknown
        }
    }
}
