package import Timekeeping

/// Every pair of a rule with what is known of it: chooses who asks next, and learns from what came of it.
///
/// Contains no limit and no window of its own: both are what the upstream's answers say. A pair of which nothing is
/// known may ask, and is known afterwards. Pulls are reserved before they are sent, so that what is on its way and
/// what was spent never exceed what was learnt. Choosing costs the logarithm of the number of pairs.
package struct QuotaLedger: Sendable {
    struct Account: Sendable {
        let name: AccountName
        let isAnonymous: Bool
        /// Of the ledger's time, as everywhere here.
        var refusedUntil: Int64 = .min
    }

    struct Egress: Sendable {
        let name: EgressName
        var pausedUntil: Int64 = .min
        /// Times in a row that it was asked for fewer requests.
        var strikes = 0
        /// Between two requests, after a pause; becomes shorter with each answer.
        var spacing: Int64 = 0
        var nextAt: Int64 = .min

        var opensAt: Int64 { max(pausedUntil, nextAt) }
    }

    struct Member: Sendable {
        let account: Int
        let egress: Int
        var budget: Int
        /// Pulls on their way by it.
        var inFlight = 0
    }

    package let policy: QuotaPolicy
    var accounts: [Account]
    var egresses: [Egress]
    var pairs: [Member]
    var budgets: [QuotaBudget]
    /// Places without pairs, of which there are as many as pairs that share.
    var vacant: [Int] = []
    var budgetBySource: [String: Int] = [:]
    var indexByName: [QuotaPair: Int] = [:]
    var accountByName: [AccountName: Int] = [:]
    /// What each kind of pull would use: one for each of ``QuotaPurpose/counted``.
    var rankings: [KineticTournament] = []
    /// The pairs of pulls on their way.
    var reservations: [UInt64: Int] = [:]
    var lastReservation: UInt64 = 0
    var changed: Set<Int> = []
    /// Where the next search among accounts begins.
    var turn = 0
    private var latest: Int64 = .min
    private var offset: Int64 = 0

    /// - Parameters:
    ///   - accounts: in the order in which they are taken where nothing else decides; each once.
    ///   - allowsAnonymous: whether requests may also go without an account, where no account has anything.
    ///   - egresses: in order; empty: whichever address the system takes.
    package init(
        accounts names: [AccountName], allowsAnonymous: Bool, egresses: [EgressName] = [],
        policy: QuotaPolicy = QuotaPolicy(), now: Timestamp
    ) {
        self.policy = policy
        accounts = names.map { Account(name: $0, isAnonymous: false) }
        if allowsAnonymous { accounts.append(Account(name: .anonymous, isAnonymous: true)) }
        self.egresses = (egresses.isEmpty ? [.system] : egresses).map { Egress(name: $0) }
        pairs = []
        budgets = []
        for account in accounts.indices {
            accountByName[accounts[account].name] = account
            for egress in self.egresses.indices {
                indexByName[QuotaPair(accounts[account].name, self.egresses[egress].name)] = pairs.count
                budgets.append(QuotaBudget(member: pairs.count))
                pairs.append(Member(account: account, egress: egress, budget: pairs.count))
            }
        }
        latest = now.milliseconds
        rebuild(now: latest)
    }

    package var isEmpty: Bool { pairs.isEmpty }
    package var pairCount: Int { pairs.count }

    func name(_ index: Int) -> QuotaPair {
        QuotaPair(accounts[pairs[index].account].name, egresses[pairs[index].egress].name)
    }

    // MARK: Time

    /// The ledger's own time, which goes on from where it was should the clock be set back: windows neither end twice
    /// nor last for a day longer.
    mutating func moment(_ now: Timestamp) -> Int64 {
        let (sum, isBeyond) = now.milliseconds.addingReportingOverflow(offset)
        let time = isBeyond ? latest : sum
        if time < latest { offset += latest - time }
        latest = max(latest, time)
        return latest
    }

    /// The clock's time of a moment to come or gone by; nil where there is none.
    func wall(_ moment: Int64?) -> Timestamp? {
        guard let moment, moment != .max, moment != .min else { return nil }
        return Timestamp(milliseconds: moment - offset)
    }

    func internalTime(_ moment: Timestamp?) -> Int64? {
        guard let moment else { return nil }
        let (sum, isBeyond) = moment.milliseconds.addingReportingOverflow(offset)
        return isBeyond ? nil : sum
    }

    // MARK: Scores

    func score(_ budget: Int, for purpose: QuotaPurpose, now: Int64) -> QuotaScore {
        let value = budgets[budget]
        guard let first = value.members.first else { return .unusable(until: .max) }
        var opensAt = Int64.max
        for member in value.members {
            opensAt = min(opensAt, memberOpensAt(member))
            if opensAt <= now { break }
        }
        let isAnonymous = accounts[pairs[first].account].isAnonymous
        let spared = purpose.spares(policy.reserve.pulls(of: value.limit))
        var score = value.score(sparing: spared, isAnonymous: isAnonymous, opensAt: opensAt, now: now)
        // Another look where the first member that is usable now is no longer, or others are again, costs little; and
        // both are told by events, which evaluate anew.
        if score.validUntil <= now { score.validUntil = now + 1 }
        return score
    }

    func memberOpensAt(_ pair: Int) -> Int64 {
        max(accounts[pairs[pair].account].refusedUntil, egresses[pairs[pair].egress].pausedUntil)
    }

    mutating func rescore(_ budget: Int, now: Int64) {
        for purpose in QuotaPurpose.counted {
            rankings[purpose.place].update(budget, score(budget, for: purpose, now: now), now: now)
        }
    }

    mutating func rebuild(now: Int64) {
        rankings = QuotaPurpose.counted.map { purpose in
            KineticTournament(budgets.indices.map { score($0, for: purpose, now: now) }, now: now)
        }
    }

    mutating func advance(to now: Int64) {
        for purpose in QuotaPurpose.counted where !rankings[purpose.place].stands(at: now) {
            // Taken out, so that scores can be asked of the rest.
            var ranking = KineticTournament([], now: now)
            swap(&ranking, &rankings[purpose.place])
            ranking.advance(to: now) { score($0, for: purpose, now: now) }
            swap(&ranking, &rankings[purpose.place])
        }
    }
}
