internal import Logging
internal import OCI
internal import Quota
internal import Synchronization
internal import Timekeeping
internal import Upstream
internal import UpstreamClient

extension QuotaGovernor {
    /// What is older is worth a HEAD.
    private static let unheardAge = Duration.seconds(900)
    private static let probesPerRound = 4
    /// Pairs that an operator's command asks at most.
    private static let probeLimit = 64

    /// Asks after budgets that nobody has heard of for a while, provided that anything was asked of the rule since the
    /// last time. Off every client's way.
    package func probeIfDue() async {
        guard configuration.probe != nil else { return }
        let now = clock.now()
        let pairs = state.withLock { state -> [QuotaPair] in
            guard state.isInUse else { return [] }
            state.isInUse = false
            return budgets.withLedger { $0.unheard(for: Self.unheardAge, now: now, limit: Self.probesPerRound) }
        }
        for pair in pairs { _ = await probe(pair) }
    }

    /// Asks after every pair's budget now, one after another; nil where the rule has nothing to ask after.
    package func probe() async -> [ProbeResult]? {
        guard configuration.probe != nil else { return nil }
        let pairs = report().pairs.map(\.pair)
        var results: [ProbeResult] = []
        for pair in pairs.prefix(Self.probeLimit) { results.append(await probe(pair)) }
        return results
    }

    private func probe(_ pair: QuotaPair) async -> ProbeResult {
        var result = ProbeResult(pair: pair, failure: nil, toldLimits: false)
        guard let probe = configuration.probe else { return result }
        let now = clock.now()
        guard let reservation = budgets.reserveProbe(of: pair, now: now) else {
            result.failure = "the account or the address is set aside"
            return result
        }
        let client = state.withLock { self.client(of: pair, &$0) }
        let told = Mutex(false)
        let listening = client.reporting { report in
            if report.limits != nil { told.withLock { $0 = true } }
            self.take(report, reservation)
        }
        let outcome: QuotaOutcome
        do throws(UpstreamError) {
            _ = try await listening.resolve(probe.reference, in: probe.repository)
            outcome = .answered(wasToldLimits: true)
        } catch {
            result.failure = error.description
            outcome =
                switch error {
                case .rateLimited(.pull, let wait): .pullLimit(retryAfter: wait)
                case .rateLimited(.abuse, let wait): .abuseLimit(retryAfter: wait)
                default: .unsent
                }
            logger.debug("A probe failed", metadata: ["pair": "\(pair)", "reason": "\(error)"])
        }
        result.toldLimits = told.withLock { $0 }
        budgets.settle(reservation, outcome, now: clock.now())
        return result
    }
}
