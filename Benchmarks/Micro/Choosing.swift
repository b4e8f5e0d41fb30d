internal import Benchmark
internal import HTTPSemantics
internal import Quota
internal import Timekeeping

/// Who asks the upstream: what a miss waits for beside the upstream itself. Each round chooses, and gives back.
enum Choosing {
    private static let begin = Timestamp(seconds: 1_700_000_000)

    static func register() {
        for (accounts, addresses) in [(1, 1), (10, 2), (1000, 8)] {
            let name = "\(accounts) accounts × \(addresses) addresses"
            for purpose in [QuotaPurpose.firstPull, .background, .uncounted] {
                register("choose: \(purpose.rawValue), \(name)", ledger(accounts, addresses), purpose)
            }
            register("choose: refused, \(name)", ledger(accounts, addresses, isSpent: true), .firstPull)
        }
        var ledger = ledger(1000, 8)
        var round: Int64 = 0
        Benchmark("choose: with an answer's fields, 1000 accounts × 8 addresses") { benchmark in
            for _ in benchmark.scaledIterations {
                round += 1
                let now = begin + .milliseconds(round)
                guard case .granted(let reservation) = ledger.choose(QuotaRequest(.firstPull), now: now) else { return }
                let left = told(50 + round % 100, reservation.pair)
                ledger.observe(left, by: reservation, startedAt: now, now: now)
                ledger.settle(reservation, .answered(wasToldLimits: true), now: now)
            }
        }
    }

    private static func register(_ name: String, _ ledger: QuotaLedger, _ purpose: QuotaPurpose) {
        var ledger = ledger
        var round: Int64 = 0
        Benchmark(name) { benchmark in
            for _ in benchmark.scaledIterations {
                round += 1
                let now = begin + .milliseconds(round)
                switch ledger.choose(QuotaRequest(purpose), now: now) {
                case .granted(let reservation): ledger.settle(reservation, .unsent, now: now)
                case .refused(let refusal): blackHole(refusal)
                }
            }
        }
    }

    /// Every account with limits of its own, by each address, of which answers have told.
    private static func ledger(_ accounts: Int, _ addresses: Int, isSpent: Bool = false) -> QuotaLedger {
        let names = (0..<accounts).map { AccountName("account-\($0)") }
        let egresses = (0..<addresses).map { EgressName("10.0.0.\($0)") }
        var ledger = QuotaLedger(accounts: names, allowsAnonymous: false, egresses: egresses, now: begin)
        for (number, account) in names.enumerated() {
            for egress in egresses {
                let pair = QuotaPair(account, egress)
                ledger.observe(
                    told(isSpent ? 0 : Int64(100 + number % 100), pair), of: pair, startedAt: begin, now: begin)
            }
        }
        return ledger
    }

    /// Windows of many lengths: each overtakes others at moments of its own.
    private static func told(_ remaining: Int64, _ pair: QuotaPair) -> QuotaObservation {
        let window = Duration.seconds(21_600 + remaining)
        return QuotaObservation(
            limit: RateLimitField(count: 200, window: window),
            remaining: RateLimitField(count: remaining, window: window), source: "\(pair)")
    }
}
