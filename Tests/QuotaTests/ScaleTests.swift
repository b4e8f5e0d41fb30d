import Testing
import Timekeeping

@testable import Quota

@Suite struct ScaleTests {
    /// Work is counted rather than timed, so that a busy machine changes nothing.
    @Test func `of 8000 pairs one is chosen in a few hundred steps`() {
        let names = (0..<1000).map { "account-\($0)" }
        let tested = ledger(names, anonymous: false, egress: (0..<8).map { "10.0.0.\($0)" })
        var numbers = Numbers(state: 7)
        for name in names {
            let left = Int64.random(in: 20...200, using: &numbers)
            tested.learn([(name, told(left, of: 200, source: name))])
        }
        func steps() -> Int { tested.ledger.everything.steps + tested.ledger.sparing.steps }
        var now = start
        _ = tested.pull(at: now)
        let before = steps()
        for _ in 0..<1000 {
            now = now + .milliseconds(700)
            guard let reservation = tested.pull(at: now) else {
                Issue.record("refused")
                return
            }
            tested.finish(reservation, told(50, of: 200, source: reservation.pair.account.description), at: now)
        }
        #expect((steps() - before) / 1000 < 400)
    }
}
