internal import Quota
internal import Synchronization
internal import Timekeeping

/// Who an account is, whatever a rule calls it: rules that have the same one spend the same budget.
package struct AccountIdentity: Sendable, Hashable {
    /// No account at all: whoever asks without one is counted by address.
    package static let anonymous = AccountIdentity(number: 0)

    let number: Int

    private init(number: Int) { self.number = number }

    /// - Parameter place: the same for the same account; not negative.
    package init(place: Int) { number = place + 1 }
}

/// The budgets of all rules that ask one registry.
///
/// A registry counts an account, or an address, whichever rule has asked. So whatever one rule reserves, spends and
/// learns of a pair, it tells under the same lock to the ledger of each other rule that has that pair too: what is
/// there for both is not taken for twice as much. Each rule keeps a ledger of its own, since each has accounts, an
/// order and a reserve of its own. Pairs are the same where account and address are by configuration, or where the
/// registry's answers call them by the same source.
package final class SharedBudgets: Sendable {
    fileprivate struct Member {
        var ledger: QuotaLedger
        var identities: [AccountName: AccountIdentity]
        var names: [AccountIdentity: AccountName]
    }

    fileprivate struct State {
        var members: [Int: Member] = [:]
        var last = 0
    }

    /// Leave to ask once, in the books of every rule that it concerns.
    struct Grant: Sendable {
        let own: QuotaReservation
        fileprivate var others: [Int: QuotaReservation] = [:]

        var pair: QuotaPair { own.pair }

        fileprivate init(_ own: QuotaReservation) { self.own = own }
    }

    enum Decision: Sendable {
        case granted(Grant)
        case refused(QuotaRefusal)
    }

    private let state = Mutex(State())

    package init() {}

    /// Rules that ask by it now.
    var memberCount: Int { state.withLock { $0.members.count } }

    /// Takes in a rule's ledger, and tells it what the others know of its pairs.
    /// - Parameter identities: of its accounts; one that is not named is nobody else's.
    func join(
        _ ledger: QuotaLedger, _ identities: [AccountName: AccountIdentity], now: Timestamp
    ) -> BudgetShare {
        let place = state.withLock { state in
            var member = Member(ledger: ledger, identities: identities, names: [:])
            for (name, identity) in identities { member.names[identity] = name }
            let known = state.members.values.flatMap { other in
                other.ledger.records.compactMap { record -> QuotaRecord? in
                    guard let identity = other.identities[record.pair.account], let name = member.names[identity]
                    else { return nil }
                    var own = record
                    own.pair.account = name
                    return own
                }
            }
            member.ledger.restore(known, now: now)
            state.last += 1
            state.members[state.last] = member
            return state.last
        }
        return BudgetShare(of: self, place: place)
    }

    fileprivate func leave(_ place: Int) { state.withLock { $0.members[place] = nil } }

    fileprivate func withLedger<Value: Sendable>(_ place: Int, _ body: (inout QuotaLedger) -> Value) -> Value {
        state.withLock { $0.withLedger(place, body) }
    }

    fileprivate func choose(_ place: Int, _ request: QuotaRequest, now: Timestamp) -> Decision {
        state.withLock { state in
            switch state.withLedger(place, { $0.choose(request, now: now) }) {
            case .refused(let refusal): return .refused(refusal)
            case .granted(let reservation):
                var grant = Grant(reservation)
                state.forOthers(place, reservation.pair, source: nil) { other, ledger, pair in
                    grant.others[other] = ledger.join(pair, asCounted: request.purpose.isCounted, now: now)
                }
                return .granted(grant)
            }
        }
    }

    fileprivate func observe(
        _ place: Int, _ observation: QuotaObservation, by grant: Grant, startedAt: Timestamp, now: Timestamp
    ) {
        state.withLock { state in
            state.withLedger(place) { $0.observe(observation, by: grant.own, startedAt: startedAt, now: now) }
            state.forOthers(place, grant.pair, source: observation.source) { other, ledger, pair in
                guard let reservation = grant.others[other] ?? ledger.join(pair, asCounted: false, now: now) else {
                    return
                }
                ledger.observe(observation, by: reservation, startedAt: startedAt, now: now)
            }
        }
    }

    fileprivate func settle(_ place: Int, _ grant: Grant, _ outcome: QuotaOutcome, now: Timestamp) {
        state.withLock { state in
            state.withLedger(place) { $0.settle(grant.own, outcome, now: now) }
            for (other, reservation) in grant.others where state.members[other] != nil {
                state.withLedger(other) { $0.settle(reservation, outcome, now: now) }
            }
        }
    }
}

extension SharedBudgets.State {
    mutating func withLedger<Value>(_ place: Int, _ body: (inout QuotaLedger) -> Value) -> Value {
        guard let index = members.index(forKey: place) else { preconditionFailure("a share outlived its place") }
        return body(&members.values[index].ledger)
    }

    /// Performs `body` for every other ledger that has the pair too.
    /// - Parameter source: what the registry calls it; nil: as the ledger at `place` has heard.
    mutating func forOthers(
        _ place: Int, _ pair: QuotaPair, source: String?, _ body: (Int, inout QuotaLedger, QuotaPair) -> Void
    ) {
        guard members.count > 1, let own = members[place] else { return }
        let source = source ?? own.ledger.source(of: pair)
        for other in Array(members.keys) where other != place {
            guard let index = members.index(forKey: other) else { continue }
            var twin = source.flatMap { members.values[index].ledger.pair(countedAs: $0) }
            if twin == nil, let identity = own.identities[pair.account],
                let name = members.values[index].names[identity]
            {
                twin = QuotaPair(name, pair.egress)
            }
            if let twin { body(other, &members.values[index].ledger, twin) }
        }
    }
}

/// One rule's part of ``SharedBudgets``: its ledger. Ends with its last reference.
final class BudgetShare: Sendable {
    private let budgets: SharedBudgets
    private let place: Int

    fileprivate init(of budgets: SharedBudgets, place: Int) {
        self.budgets = budgets
        self.place = place
    }

    deinit { budgets.leave(place) }

    /// For what concerns this rule alone.
    func withLedger<Value: Sendable>(_ body: (inout QuotaLedger) -> Value) -> Value {
        budgets.withLedger(place, body)
    }

    func choose(_ request: QuotaRequest, now: Timestamp) -> SharedBudgets.Decision {
        budgets.choose(place, request, now: now)
    }

    /// Takes in what an answer's fields told, as soon as they come.
    func observe(
        _ observation: QuotaObservation, by grant: SharedBudgets.Grant, startedAt: Timestamp, now: Timestamp
    ) { budgets.observe(place, observation, by: grant, startedAt: startedAt, now: now) }

    /// Ends a grant.
    func settle(_ grant: SharedBudgets.Grant, _ outcome: QuotaOutcome, now: Timestamp) {
        budgets.settle(place, grant, outcome, now: now)
    }

    /// Leave to probe one pair, which costs no pull, whatever its budget; nil where its account or address is set aside.
    func reserveProbe(of pair: QuotaPair, now: Timestamp) -> SharedBudgets.Grant? {
        withLedger { $0.reserveProbe(of: pair, now: now) }.map { SharedBudgets.Grant($0) }
    }
}
