import HTTPSemantics
import Timekeeping

@testable import Quota

let start = Timestamp(seconds: 1_700_000_000)

func told(_ remaining: Int64?, of limit: Int64? = 100, window: Duration? = .seconds(21_600), source: String? = nil)
    -> QuotaObservation
{
    QuotaObservation(
        limit: limit.map { RateLimitField(count: $0, window: window) },
        remaining: remaining.map { RateLimitField(count: $0, window: window) }, source: source)
}

func ledger(
    _ accounts: [String] = [], anonymous: Bool? = nil, egress: [String] = [], reserve: QuotaPolicy.Share = .percent(10)
) -> TestedLedger {
    TestedLedger(
        QuotaLedger(
            accounts: accounts.map { AccountName($0) }, allowsAnonymous: anonymous ?? accounts.isEmpty,
            egresses: egress.map { EgressName($0) }, policy: QuotaPolicy(reserve: reserve), now: start))
}

/// A ledger that expectations can ask, which take no call that changes a value.
final class TestedLedger {
    var ledger: QuotaLedger

    init(_ ledger: QuotaLedger) { self.ledger = ledger }

    func choose(_ request: QuotaRequest, now: Timestamp = start) -> QuotaDecision { ledger.choose(request, now: now) }

    func pull(_ purpose: QuotaPurpose = .firstPull, excluding: Set<String> = [], at now: Timestamp = start)
        -> QuotaReservation?
    {
        let names = Set(excluding.map { AccountName($0) })
        guard case .granted(let reservation) = ledger.choose(QuotaRequest(purpose, excluding: names), now: now) else {
            return nil
        }
        return reservation
    }

    /// What a pull is told that gets no leave.
    func refusal(
        _ purpose: QuotaPurpose = .firstPull, excluding: Set<String> = [], at now: Timestamp = start
    ) -> QuotaRefusal? {
        var copy = ledger
        let request = QuotaRequest(purpose, excluding: Set(excluding.map { AccountName($0) }))
        guard case .refused(let refusal) = copy.choose(request, now: now) else { return nil }
        // It is foreseen as it comes.
        return copy.refusal(of: request, now: now) == refusal ? refusal : nil
    }

    /// A whole pull, whose answer tells `observation`.
    func finish(_ reservation: QuotaReservation, _ observation: QuotaObservation?, at now: Timestamp = start) {
        if let observation { ledger.observe(observation, by: reservation, startedAt: now, now: now) }
        ledger.settle(reservation, .answered(wasToldLimits: observation != nil), now: now)
    }

    func observe(
        _ observation: QuotaObservation, by reservation: QuotaReservation, startedAt: Timestamp, now: Timestamp
    ) { ledger.observe(observation, by: reservation, startedAt: startedAt, now: now) }

    func observe(_ observation: QuotaObservation, of pair: QuotaPair, startedAt: Timestamp, now: Timestamp) {
        ledger.observe(observation, of: pair, startedAt: startedAt, now: now)
    }

    func settle(_ reservation: QuotaReservation, _ outcome: QuotaOutcome, now: Timestamp = start) {
        ledger.settle(reservation, outcome, now: now)
    }

    func setAside(_ account: AccountName, until: Timestamp?, now: Timestamp) {
        ledger.setAside(account, until: until, now: now)
    }

    func restore(_ records: [QuotaRecord], now: Timestamp) { ledger.restore(records, now: now) }

    func report(now: Timestamp = start) -> QuotaReport { ledger.report(now: now) }

    func urgency(now: Timestamp) -> Double { ledger.urgency(now: now) }

    /// Has every pair of these accounts answer once.
    func learn(_ observations: [(String, QuotaObservation)], at now: Timestamp = start) {
        for (account, observation) in observations {
            for egress in ledger.egresses.map(\.name) {
                observe(observation, of: QuotaPair(AccountName(account), egress), startedAt: now, now: now)
            }
        }
    }
}

/// The same numbers in every run.
struct Numbers: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = (state ^ (state >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
