package import Timekeeping

extension QuotaLedger {
    /// Decides who asks, and reserves what it takes.
    package mutating func choose(_ request: QuotaRequest, now: Timestamp) -> QuotaDecision {
        let moment = moment(now)
        let excluded = Excluded(request, accountByName)
        guard let chosen = choice(request, excluded, now: moment) else {
            return .refused(refusal(request.purpose, excluded, now: moment))
        }
        return .granted(reserve(chosen, isCounted: request.purpose.isCounted, now: moment))
    }

    /// Why ``choose(_:now:)`` would refuse; nil where it would not. Reserves nothing.
    package mutating func refusal(of request: QuotaRequest, now: Timestamp) -> QuotaRefusal? {
        let moment = moment(now)
        let excluded = Excluded(request, accountByName)
        guard choice(request, excluded, now: moment) == nil else { return nil }
        return refusal(request.purpose, excluded, now: moment)
    }

    private mutating func choice(_ request: QuotaRequest, _ excluded: Excluded, now: Int64) -> Int? {
        advance(to: now)
        guard !request.purpose.isCounted else { return chooseCounted(request.purpose, excluded, now: now) }
        return chooseUncounted(preferring: request.preferring.flatMap { accountByName[$0] }, excluded, now: now)
    }

    /// Accounts by their place.
    private struct Excluded {
        var accounts: Set<Int>
        var egresses: Set<EgressName>

        init(_ request: QuotaRequest, _ places: [AccountName: Int]) {
            accounts = Set(request.excluding.compactMap { places[$0] })
            egresses = request.avoiding
        }

        var isEmpty: Bool { accounts.isEmpty && egresses.isEmpty }
    }

    mutating func reserve(_ pair: Int, isCounted: Bool, now: Int64) -> QuotaReservation {
        let egress = pairs[pair].egress
        if egresses[egress].spacing > 0 { egresses[egress].nextAt = now + egresses[egress].spacing }
        guard isCounted else { return QuotaReservation(pair: name(pair), id: nil, index: pair) }
        let budget = pairs[pair].budget
        budgets[budget].roll(to: now)
        budgets[budget].inFlight += 1
        pairs[pair].inFlight += 1
        // Addresses of one account take turns.
        let count = budgets[budget].members.count
        if count > 1, let position = budgets[budget].members.firstIndex(of: pair) {
            budgets[budget].cursor = (position + 1) % count
        }
        rescore(budget, now: now)
        lastReservation += 1
        reservations[lastReservation] = pair
        return QuotaReservation(pair: name(pair), id: lastReservation, index: pair)
    }

    // MARK: Counted

    private mutating func chooseCounted(_ purpose: QuotaPurpose, _ excluded: Excluded, now: Int64) -> Int? {
        guard isAnyOpen(now: now) else { return nil }
        let state = self
        let budget = rankings[purpose.place].best(at: now) {
            state.member(of: $0, excluded, isCounted: true, now: now) != nil
        }
        return budget.flatMap { member(of: $0, excluded, isCounted: true, now: now) }
    }

    /// The member whose turn it is, of those that may ask now.
    private func member(of budget: Int, _ excluded: Excluded, isCounted: Bool, now: Int64) -> Int? {
        let members = budgets[budget].members
        for step in members.indices {
            let pair = members[(budgets[budget].cursor + step) % members.count]
            if isUsable(pair, excluded, isCounted: isCounted, now: now) { return pair }
        }
        return nil
    }

    private func isUsable(_ pair: Int, _ excluded: Excluded, isCounted: Bool, now: Int64) -> Bool {
        let (account, egress) = (pairs[pair].account, pairs[pair].egress)
        if !isCounted, (budgets[pairs[pair].budget].uncountedBlockedUntil ?? .min) > now { return false }
        return !excluded.accounts.contains(account)
            && (excluded.egresses.isEmpty || !excluded.egresses.contains(egresses[egress].name))
            && accounts[account].refusedUntil <= now && isOpen(egress, now: now)
    }

    private func isOpen(_ egress: Int, now: Int64) -> Bool { egresses[egress].opensAt <= now }

    /// Looked at first: where every address is held back, each pair would be looked at to no purpose.
    private func isAnyOpen(now: Int64) -> Bool { egresses.contains { $0.opensAt <= now } }

    // MARK: Uncounted

    /// A spent budget keeps nobody from asking what is not counted.
    private mutating func chooseUncounted(preferring: Int?, _ excluded: Excluded, now: Int64) -> Int? {
        guard isAnyOpen(now: now) else { return nil }
        if let preferring, let pair = pair(of: preferring, excluded, now: now) { return pair }
        let state = self
        let best = rankings[QuotaPurpose.firstPull.place].best(at: now) {
            state.member(of: $0, excluded, isCounted: false, now: now) != nil
        }
        if let best, let pair = member(of: best, excluded, isCounted: false, now: now) { return pair }
        for step in accounts.indices {
            let account = (turn + step) % accounts.count
            // Anonymous last, and only where it is allowed.
            guard !accounts[account].isAnonymous, let pair = pair(of: account, excluded, now: now) else { continue }
            turn = account
            return pair
        }
        guard let anonymous = accounts.lastIndex(where: \.isAnonymous) else { return nil }
        return pair(of: anonymous, excluded, now: now)
    }

    /// Pairs of an account stand side by side.
    private func pair(of account: Int, _ excluded: Excluded, now: Int64) -> Int? {
        let first = account * egresses.count
        let start = Int(lastReservation % UInt64(max(1, egresses.count)))
        for step in egresses.indices {
            let pair = first + (start + step) % egresses.count
            if isUsable(pair, excluded, isCounted: false, now: now) { return pair }
        }
        return nil
    }

    // MARK: Refusals

    private func refusal(_ purpose: QuotaPurpose, _ excluded: Excluded, now: Int64) -> QuotaRefusal {
        var best: (until: Int64, reason: QuotaRefusal.Reason)?
        for budget in budgetsToBlame(purpose, excluded) {
            guard !budgets[budget].members.isEmpty else { continue }
            let (opens, reason) = opening(of: budget, purpose, now: now)
            for pair in budgets[budget].members where !excluded.accounts.contains(pairs[pair].account) {
                let account = accounts[pairs[pair].account].refusedUntil
                let address = egresses[pairs[pair].egress].opensAt
                let until = max(opens, account, address)
                guard best.map({ until < $0.until }) ?? true else { continue }
                best = (until, until == opens && opens > now ? reason : account >= address ? .refused : .slowed)
            }
        }
        guard let best else { return QuotaRefusal(reason: .nobody, until: nil) }
        return QuotaRefusal(reason: best.reason, until: wall(best.until))
    }

    /// Who may tell why nobody asks. The best of all does where nobody is excluded: of those that have nothing it is
    /// the one that opens first, and where it has something it is the addresses that are held back, as everybody's.
    private func budgetsToBlame(_ purpose: QuotaPurpose, _ excluded: Excluded) -> Range<Int> {
        guard purpose.isCounted, excluded.isEmpty, let leader = rankings[purpose.place].leader else {
            return budgets.indices
        }
        return leader..<leader + 1
    }

    /// When a budget has something for `purpose` again; `.max`: nobody knows.
    private func opening(
        of budget: Int, _ purpose: QuotaPurpose, now: Int64
    ) -> (until: Int64, reason: QuotaRefusal.Reason) {
        let value = budgets[budget].rolled(to: now)
        guard purpose.isCounted else { return (value.uncountedBlockedUntil ?? .min, .spent) }
        if let until = value.blockedUntil { return (until, .spent) }
        let spared = purpose.spares(policy.reserve.pulls(of: value.limit))
        guard let headroom = value.headroom(sparing: spared), headroom <= 0 else { return (.min, .nobody) }
        let isReserved = value.headroom(sparing: 0).map { $0 > 0 } ?? false
        return (value.windowEnd ?? .max, isReserved ? .reserved : .spent)
    }

    // MARK: Urgency

    /// How far the best budget is behind the pace that its window allows: 0 where as much of the budget is left as of
    /// the window, or more; 1 where nothing is.
    package mutating func urgency(now: Timestamp) -> Double {
        let moment = moment(now)
        advance(to: moment)
        let ranking = rankings[QuotaPurpose.firstPull.place]
        guard let leader = ranking.leader else { return 0 }
        let score = ranking.scores[leader]
        guard score.rank > 0 else { return 1 }
        let value = budgets[leader].rolled(to: moment)
        guard let headroom = value.headroom(sparing: 0), value.limit > 0 else { return 0 }
        let share = Double(headroom) / Double(value.limit)
        var rest = 1.0
        if let end = value.windowEnd, let window = value.window { rest = Double(end - moment) / Double(window) }
        return min(max(1 - share / max(rest, 0.001), 0), 1)
    }
}
