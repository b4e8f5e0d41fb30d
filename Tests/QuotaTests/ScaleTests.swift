import Testing
import Timekeeping

@testable import Quota

/// 1000 accounts by 8 addresses. Work is counted rather than timed where it can be, so that a busy machine changes
/// nothing; the time itself is measured by `make bench-micro`.
@Suite struct ScaleTests {
    private let names = (0..<1000).map { "account-\($0)" }

    /// - Parameter sharesAddresses: whether the upstream counts an account by whichever address as one.
    private func many(left: ClosedRange<Int64> = 50...200, sharesAddresses: Bool = true) -> TestedLedger {
        let tested = ledger(names, anonymous: false, egress: (0..<8).map { "10.0.0.\($0)" })
        var numbers = Numbers(state: 7)
        for pair in tested.report().pairs.map(\.pair) {
            let source = sharesAddresses ? pair.account.description : pair.description
            tested.observe(
                told(.random(in: left, using: &numbers), of: 200, source: source), of: pair, startedAt: start,
                now: start)
        }
        return tested
    }

    private func steps(_ tested: TestedLedger) -> Int { tested.ledger.rankings.reduce(0) { $0 + $1.steps } }

    @Test(arguments: [true, false])
    func `of 8000 pairs one is chosen in a few hundred steps`(_ sharesAddresses: Bool) {
        let tested = many(sharesAddresses: sharesAddresses)
        var now = start
        _ = tested.pull(at: now)
        let before = steps(tested)
        for _ in 0..<1000 {
            now = now + .milliseconds(700)
            guard let reservation = tested.pull(at: now) else {
                Issue.record("refused")
                return
            }
            tested.finish(reservation, told(50, of: 200, source: reservation.pair.account.description), at: now)
        }
        #expect((steps(tested) - before) / 1000 < 600)
    }

    @Test(arguments: QuotaPurpose.allCases)
    func `of 8000 pairs that have nothing none is looked at in vain`(_ purpose: QuotaPurpose) {
        // Within the reserve, within twice the reserve, or spent: for each purpose one that it is refused for.
        let left: ClosedRange<Int64> =
            switch purpose {
            case .firstPull, .uncounted: 0...0
            case .pull: 1...20
            case .background: 21...40
            }
        let tested = many(left: left, sharesAddresses: false)
        _ = tested.choose(QuotaRequest(purpose))
        let before = steps(tested)
        for round in 1...1000 {
            let decision = tested.choose(QuotaRequest(purpose), now: start + .milliseconds(Int64(round)))
            if case .granted = decision { #expect(purpose == .uncounted) }
        }
        #expect((steps(tested) - before) / 1000 < 50)
    }

    @Test func `a refusal among 8000 names the first moment and its reason`() {
        let tested = many(left: 1...20, sharesAddresses: false)
        guard let refusal = tested.refusal(.pull) else {
            Issue.record("not refused")
            return
        }
        #expect(refusal.reason == .reserved)
        #expect(refusal.until == start + .seconds(21_600))
        #expect(tested.refusal(.pull) == slowRefusal(tested, .pull))
    }

    /// As it is told where somebody is excluded: by looking at everybody.
    private func slowRefusal(_ tested: TestedLedger, _ purpose: QuotaPurpose) -> QuotaRefusal? {
        tested.refusal(purpose, excluding: ["account-999"])
    }

    /// The bound is a hundred times what an optimized build takes, and the best of ten rounds counts: only something
    /// that grows with the number of pairs breaks it.
    @Test func `choosing among 8000 takes no time that a client would notice`() {
        let tested = many(sharesAddresses: false)
        let clock = ContinuousClock()
        var best = Duration.seconds(1000)
        var now = start
        for _ in 0..<10 {
            let time = clock.measure {
                for _ in 0..<100 {
                    now = now + .milliseconds(10)
                    if let reservation = tested.pull(at: now) { tested.settle(reservation, .unsent, now: now) }
                }
            }
            best = min(best, time / 100)
        }
        #expect(best < .milliseconds(2))
    }

    @Test func `what is known of 8000 pairs survives a restart, in time and to the last`() {
        let tested = many(sharesAddresses: false)
        let records = tested.ledger.records
        #expect(records.count == 8000)
        let again = ledger(names, anonymous: false, egress: (0..<8).map { "10.0.0.\($0)" })
        let time = ContinuousClock().measure { again.restore(records, now: start) }
        #expect(time < .seconds(5))
        #expect(again.report().pairs == tested.report().pairs)
        #expect(again.pull()?.pair == tested.pull()?.pair)
    }
}
