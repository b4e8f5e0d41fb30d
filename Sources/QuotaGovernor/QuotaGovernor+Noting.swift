internal import Credentials
internal import Logging
internal import Quota
internal import Synchronization
internal import Timekeeping
internal import Upstream
internal import UpstreamClient

/// What is noted, and told, of failures.
extension QuotaGovernor {
    /// How long an account without good credentials is not asked for others.
    private static let credentialsPause = Duration.seconds(15)

    func noteSpent(_ pair: QuotaPair) {
        metrics.limited("pull")
        logOnce(
            "pull \(pair)", "The upstream's pull limit is reached",
            ["account": "\(pair.account)", "address": "\(pair.egress)"])
    }

    func noteRefused(_ account: AccountName, _ error: UpstreamError, _ repository: String) {
        let now = clock.now()
        let until = logins[account]?.refusedUntil(now: now)
        state.withLock { state in
            state.access.noteDenial(of: account, to: repository, now: now)
            guard let until else { return }
            state.problems[account] = error
            // Not for as long as the login waits: a source may have others by then, which only asking it shows.
            let pause = min(until, now + Self.credentialsPause)
            budgets.withLedger { $0.setAside(account, until: pause, now: now) }
        }
        guard until != nil, account != .anonymous else { return }
        metrics.accountFailed(account, "refused")
        announce(account)
    }

    func noteWithoutCredentials(_ account: AccountName, _ error: UpstreamError) {
        let now = clock.now()
        state.withLock { state in
            state.problems[account] = error
            budgets.withLedger { $0.setAside(account, until: now + Self.credentialsPause, now: now) }
        }
        metrics.accountFailed(account, "credentials")
        announce(account)
    }
}
