package import Timekeeping

extension QuotaLedger {
    /// Candidates of an explanation at most.
    private static let candidateLimit = 64

    // MARK: Reports

    package func report(now: Timestamp) -> QuotaReport {
        var copy = self
        let time = copy.moment(now)
        copy.advance(to: time)
        var report = QuotaReport(
            pairs: copy.pairs.indices.map { copy.report($0, now: time) }, urgency: copy.urgency(now: now),
            firstPulls: 0, pulls: 0, backgroundPulls: 0, opensAt: nil)
        for index in copy.budgets.indices where !copy.budgets[index].members.isEmpty {
            let budget = copy.budgets[index].rolled(to: time)
            guard copy.budgets[index].members.contains(where: { copy.memberOpensAt($0) <= time }),
                budget.blockedUntil == nil
            else { continue }
            let reserve = policy.reserve.pulls(of: budget.limit)
            func headroom(_ purpose: QuotaPurpose) -> Int64? { budget.headroom(sparing: purpose.spares(reserve)) }
            report.firstPulls = Self.sum(report.firstPulls, headroom(.firstPull))
            report.pulls = Self.sum(report.pulls, headroom(.pull))
            report.backgroundPulls = Self.sum(report.backgroundPulls, headroom(.background))
        }
        if report.firstPulls == 0, case .refused(let refusal) = copy.choose(QuotaRequest(.firstPull), now: now) {
            report.opensAt = refusal.until
        }
        return report
    }

    private static func sum(_ total: Int64?, _ headroom: Int64?) -> Int64? {
        guard let total, let headroom else { return nil }
        return total + max(0, headroom)
    }

    private func report(_ index: Int, now: Int64) -> QuotaPairReport {
        let member = pairs[index]
        let budget = budgets[member.budget].rolled(to: now)
        let isLimited = budget.knowledge == .limited
        let reserve = policy.reserve.pulls(of: budget.limit)
        let headroom = budget.headroom(sparing: 0)
        let perHour = budget.rate.perHour(at: now)
        var state: QuotaPairReport.State
        var until: Int64?
        let (account, egress) = (accounts[member.account], egresses[member.egress])
        if account.refusedUntil > now {
            (state, until) = (.refused, account.refusedUntil)
        } else if egress.pausedUntil > now {
            (state, until) = (.slowed, egress.pausedUntil)
        } else if let blocked = budget.blockedUntil {
            (state, until) = (.spent, blocked)
        } else if let headroom {
            state = headroom <= 0 ? .spent : headroom <= reserve ? .reserved : .open
        } else {
            state = budget.knowledge == .unlimited ? .unlimited : .unknown
        }
        var runsOutAt: Int64?
        if let headroom, headroom > 0, perHour > 0 {
            let moment = now + Int64(min(Double(headroom) / perHour * 3_600_000, 1e15))
            if budget.windowEnd.map({ moment < $0 }) ?? false { runsOutAt = moment }
        }
        return QuotaPairReport(
            pair: name(index), state: state, source: budget.source, limit: isLimited ? budget.limit : nil,
            remaining: isLimited ? budget.remaining : nil, inFlight: budget.inFlight,
            reserve: isLimited ? reserve : nil, window: budget.window.map { .milliseconds($0) },
            recoversAt: wall(budget.windowEnd), setAsideUntil: wall(until), observedAt: wall(budget.observedAt),
            spentPerHour: perHour, runsOutAt: wall(runsOutAt))
    }

    // MARK: Explanations

    /// What ``choose(_:now:)`` would decide, and why; reserves nothing.
    package func explain(_ request: QuotaRequest, now: Timestamp) -> QuotaExplanation {
        var copy = self
        let time = copy.moment(now)
        let decision = copy.choose(request, now: now)
        var candidates = pairs.indices.map { pair in
            QuotaExplanation.Candidate(
                pair: name(pair), verdict: verdict(pair, request, now: time),
                headroom: headroom(pair, request.purpose, now: time),
                headroomPerHour: perHour(pair, request.purpose, now: time))
        }
        if case .granted(let reservation) = decision {
            var chosen = candidates.remove(at: reservation.index)
            chosen.verdict = .chosen
            candidates.insert(chosen, at: 0)
        }
        return QuotaExplanation(
            purpose: request.purpose, decision: decision, candidates: Array(candidates.prefix(Self.candidateLimit)))
    }

    private func verdict(_ pair: Int, _ request: QuotaRequest, now: Int64) -> QuotaVerdict {
        let (account, egress) = (accounts[pairs[pair].account], egresses[pairs[pair].egress])
        if request.excluding.contains(account.name) { return .excluded }
        if account.refusedUntil > now { return .refused(until: wall(account.refusedUntil)) }
        let address = max(egress.pausedUntil, egress.nextAt)
        if address > now { return .slowed(until: wall(address)) }
        guard request.purpose.isCounted else { return .usable }
        let budget = budgets[pairs[pair].budget].rolled(to: now)
        if let until = budget.blockedUntil { return .spent(until: wall(until)) }
        guard let everything = budget.headroom(sparing: 0) else { return .usable }
        if everything <= 0 { return .spent(until: wall(budget.windowEnd)) }
        if let headroom = headroom(pair, request.purpose, now: now), headroom <= 0 {
            return .reserved(until: wall(budget.windowEnd))
        }
        return .usable
    }

    private func headroom(_ pair: Int, _ purpose: QuotaPurpose, now: Int64) -> Int64? {
        guard purpose.isCounted else { return nil }
        let budget = budgets[pairs[pair].budget].rolled(to: now)
        return budget.headroom(sparing: purpose.spares(policy.reserve.pulls(of: budget.limit)))
    }

    private func perHour(_ pair: Int, _ purpose: QuotaPurpose, now: Int64) -> Double? {
        guard let headroom = headroom(pair, purpose, now: now), headroom > 0 else { return nil }
        let budget = budgets[pairs[pair].budget].rolled(to: now)
        guard let rest = budget.windowEnd.map({ $0 - now }) ?? budget.window else { return nil }
        return Double(headroom) / Double(max(1, rest)) * 3_600_000
    }

    // MARK: Records

    /// What changed since it was last asked for, to be kept.
    package mutating func takeChanges() -> [QuotaRecord] {
        defer { changed = [] }
        return changed.flatMap { records(of: $0) }
    }

    /// Everything that is known, for a ledger that takes this one's place.
    package var records: [QuotaRecord] { budgets.indices.flatMap { records(of: $0) } }

    private func records(of index: Int) -> [QuotaRecord] {
        let budget = budgets[index]
        guard let observedAt = wall(budget.observedAt) else { return [] }
        return budget.members.map { pair in
            QuotaRecord(
                pair: name(pair), source: budget.source, limit: budget.knowledge == .limited ? budget.limit : nil,
                remaining: budget.remaining, window: budget.window.map { .milliseconds($0) },
                windowEndsAt: wall(budget.windowEnd), blockedUntil: wall(budget.blockedUntil),
                observedAt: observedAt)
        }
    }

    /// Takes over what was known before; of pairs that are here no longer, nothing.
    ///
    /// What lies further ahead than its own window comes from a clock that was set back, and is cut to it.
    package mutating func restore(_ records: [QuotaRecord], now: Timestamp) {
        let time = moment(now)
        for record in records {
            guard let index = indexByName[record.pair], budgets[pairs[index].budget].observedAt == nil,
                record.observedAt <= now
            else { continue }
            if let source = record.source, let shared = budgetBySource[source], shared != pairs[index].budget {
                let old = pairs[index].budget
                budgets[old].members = []
                vacant.append(old)
                budgets[shared].members.append(index)
                pairs[index].budget = shared
                continue
            }
            let budget = pairs[index].budget
            if let source = record.source {
                budgets[budget].source = source
                budgetBySource[source] = budget
            }
            let window = record.window.map(\.milliseconds).flatMap { $0 > 0 ? $0 : nil }
            let latest = window.map { time + $0 }
            func bounded(_ moment: Timestamp?) -> Int64? {
                internalTime(moment).map { min($0, latest ?? time + 86_400_000) }
            }
            budgets[budget].restore(
                limit: record.limit, remaining: record.remaining, window: window,
                windowEnd: bounded(record.windowEndsAt), blockedUntil: bounded(record.blockedUntil),
                observedAt: internalTime(record.observedAt))
        }
        rebuild(now: time)
    }

    // MARK: Probes

    /// Whose budget nobody has heard of for `age`, and is therefore worth asking after with a HEAD; those that are
    /// spent come first, since they may be open again before anybody thinks.
    package func unheard(for age: Duration, now: Timestamp, limit: Int) -> [QuotaPair] {
        var copy = self
        let time = copy.moment(now)
        let oldest = time - age.milliseconds
        let due = copy.budgets.indices.compactMap { index -> (pair: Int, isSpent: Bool, at: Int64)? in
            let budget = copy.budgets[index].rolled(to: time)
            guard budget.knowledge != .unlimited, (budget.observedAt ?? .min) <= oldest,
                let pair = budget.members.first(where: { copy.memberOpensAt($0) <= time })
            else { return nil }
            let isSpent = budget.blockedUntil != nil || (budget.headroom(sparing: 0).map { $0 <= 0 } ?? false)
            return (pair, isSpent, budget.observedAt ?? .min)
        }
        let sorted = due.sorted { ($0.isSpent ? 0 : 1, $0.at, $0.pair) < ($1.isSpent ? 0 : 1, $1.at, $1.pair) }
        return sorted.prefix(limit).map { name($0.pair) }
    }

    /// Leave to probe one pair, whatever its budget; nil where its account or address is set aside.
    package mutating func reserveProbe(of pair: QuotaPair, now: Timestamp) -> QuotaReservation? {
        guard let index = indexByName[pair] else { return nil }
        let time = moment(now)
        let egress = egresses[pairs[index].egress]
        guard memberOpensAt(index) <= time, egress.nextAt <= time else { return nil }
        return QuotaReservation(pair: pair, id: nil, index: index)
    }
}
