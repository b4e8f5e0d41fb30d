package import Timekeeping

extension QuotaLedger {
    /// How long an address that was asked for fewer requests is left alone, doubled each time in a row, and how far
    /// apart its requests are afterwards: what is said of it is only that it was too much.
    private static let pauseMin: Int64 = 5000
    private static let pauseMax: Int64 = 300_000
    private static let spacingMax: Int64 = 1000
    /// Below this, requests are not held apart any more.
    private static let spacingMin: Int64 = 20

    // MARK: Answers

    /// Takes in what an answer's fields told, as soon as they come.
    /// - Parameter startedAt: when its request was sent.
    package mutating func observe(
        _ observation: QuotaObservation, by reservation: QuotaReservation, startedAt: Timestamp, now: Timestamp
    ) {
        let time = moment(now)
        let started = time - (now - startedAt).milliseconds
        // What is on its way no longer, and is in the count that came.
        release(reservation, now: time)
        attribute(reservation.index, to: observation.source, now: time)
        let budget = pairs[reservation.index].budget
        if reservation.id != nil { budgets[budget].countSpent(now: time) }
        budgets[budget].observe(observation, startedAt: started, now: time)
        changed.insert(budget)
        rescore(budget, now: time)
    }

    /// Takes in what a probe's answer told.
    package mutating func observe(
        _ observation: QuotaObservation, of pair: QuotaPair, startedAt: Timestamp, now: Timestamp
    ) {
        guard let index = indexByName[pair] else { return }
        observe(
            observation, by: QuotaReservation(pair: pair, id: nil, index: index), startedAt: startedAt, now: now)
    }

    /// Ends a reservation.
    package mutating func settle(_ reservation: QuotaReservation, _ outcome: QuotaOutcome, now: Timestamp) {
        let time = moment(now)
        let wasOpen = release(reservation, now: time)
        let budget = pairs[reservation.index].budget
        switch outcome {
        case .answered(let wasToldLimits):
            noteAnswer(of: pairs[reservation.index].egress)
            if !wasToldLimits, reservation.id != nil {
                budgets[budget].observeNoLimit()
                if wasOpen, budgets[budget].knowledge == .unlimited { budgets[budget].countSpent(now: time) }
            }
        case .pullLimit(let retryAfter):
            noteAnswer(of: pairs[reservation.index].egress)
            budgets[budget].exhaust(
                retryAfter: retryAfter, refusesUncounted: reservation.id == nil, now: time)
            changed.insert(budget)
        case .abuseLimit(let retryAfter): slow(pairs[reservation.index].egress, retryAfter, now: time)
        case .unknown:
            if wasOpen {
                budgets[budget].assumeSpent(now: time)
                changed.insert(budget)
            }
        case .unsent: break
        }
        rescore(pairs[reservation.index].budget, now: time)
    }

    @discardableResult
    private mutating func release(_ reservation: QuotaReservation, now: Int64) -> Bool {
        guard let id = reservation.id, let pair = reservations.removeValue(forKey: id) else { return false }
        let budget = pairs[pair].budget
        budgets[budget].roll(to: now)
        pairs[pair].inFlight -= 1
        budgets[budget].inFlight -= 1
        rescore(budget, now: now)
        return true
    }

    // MARK: Other ledgers of the same upstream

    /// What the upstream calls the one that it counts for `pair`, as far as answers have told.
    package func source(of pair: QuotaPair) -> String? {
        indexByName[pair].flatMap { budgets[pairs[$0].budget].source }
    }

    /// A pair that the upstream counts as `source`.
    package func pair(countedAs source: String) -> QuotaPair? {
        budgetBySource[source].flatMap { budgets[$0].members.first }.map(name)
    }

    /// Notes a request that another ledger has granted, of a pair that both have; nil where it is not here.
    package mutating func join(_ pair: QuotaPair, asCounted isCounted: Bool, now: Timestamp) -> QuotaReservation? {
        guard let index = indexByName[pair] else { return nil }
        return reserve(index, isCounted: isCounted, now: moment(now))
    }

    // MARK: Accounts and addresses

    /// Sets an account aside; nil: it is as good as any again.
    package mutating func setAside(_ account: AccountName, until moment: Timestamp?, now: Timestamp) {
        guard let index = accountByName[account] else { return }
        let time = self.moment(now)
        let until = internalTime(moment) ?? .min
        guard accounts[index].refusedUntil != until else { return }
        accounts[index].refusedUntil = until
        for pair in index * egresses.count..<(index + 1) * egresses.count { rescore(pairs[pair].budget, now: time) }
    }

    private mutating func slow(_ egress: Int, _ retryAfter: Duration?, now: Int64) {
        // Those that were under way when the first was refused tell nothing new.
        if egresses[egress].pausedUntil <= now {
            egresses[egress].strikes = min(egresses[egress].strikes + 1, 16)
        }
        let growing = min(Self.pauseMin << Int64(egresses[egress].strikes - 1), Self.pauseMax)
        let pause = retryAfter.map { max(1000, min($0.milliseconds, 86_400_000)) } ?? growing
        egresses[egress].pausedUntil = max(egresses[egress].pausedUntil, now + pause)
        egresses[egress].spacing = Self.spacingMax
        rebuild(now: now)
    }

    private mutating func noteAnswer(of egress: Int) {
        guard egresses[egress].spacing > 0 else { return }
        egresses[egress].spacing /= 2
        if egresses[egress].spacing < Self.spacingMin {
            egresses[egress].spacing = 0
            egresses[egress].strikes = 0
        }
    }

    // MARK: Sources

    /// Pairs that turn out to be counted as one share one budget.
    private mutating func attribute(_ pair: Int, to source: String?, now: Int64) {
        let old = pairs[pair].budget
        guard let source, budgets[old].source != source else { return }
        if let shared = budgetBySource[source] {
            move(pair, to: shared, now: now)
        } else if budgets[old].members.count == 1 {
            // Counted as another now: what was known is of somebody else.
            if let was = budgets[old].source {
                budgetBySource[was] = nil
                let inFlight = budgets[old].inFlight
                budgets[old] = QuotaBudget(member: pair)
                budgets[old].inFlight = inFlight
            }
            budgets[old].source = source
            budgetBySource[source] = old
        } else if let place = vacant.popLast() {
            budgets[place] = QuotaBudget(member: pair)
            budgets[place].members = []
            budgets[place].source = source
            budgetBySource[source] = place
            move(pair, to: place, now: now)
        }
    }

    private mutating func move(_ pair: Int, to budget: Int, now: Int64) {
        let old = pairs[pair].budget
        budgets[old].members.removeAll { $0 == pair }
        budgets[old].cursor = 0
        budgets[old].inFlight -= pairs[pair].inFlight
        budgets[budget].inFlight += pairs[pair].inFlight
        if budgets[old].members.isEmpty {
            if let source = budgets[old].source { budgetBySource[source] = nil }
            budgets[old].source = nil
            vacant.append(old)
        }
        budgets[budget].members.append(pair)
        pairs[pair].budget = budget
        rescore(old, now: now)
        rescore(budget, now: now)
    }
}
