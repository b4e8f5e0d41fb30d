import HTTPSemantics
import Testing
import Timekeeping

@testable import Quota

@Suite struct LedgerTests {
    @Test func `a pair of which nothing is known may ask, and the answer tells`() throws {
        let ledger = ledger()
        let reservation = try #require(ledger.pull())
        #expect(reservation.pair == QuotaPair(.anonymous, .system))
        #expect(ledger.report(now: start).pairs[0].state == .unknown)
        ledger.finish(reservation, told(99))
        let report = ledger.report(now: start).pairs[0]
        #expect(report.state == .open)
        #expect(report.limit == 100)
        #expect(report.remaining == 99)
        #expect(report.reserve == 10)
        #expect(report.recoversAt == start + .seconds(21_600))
    }

    @Test func `a pair without limits is unlimited, however many are on their way`() throws {
        let ledger = ledger()
        ledger.finish(try #require(ledger.pull()), nil)
        #expect(ledger.report(now: start).pairs[0].state == .unlimited)
        for _ in 0..<1000 { #expect(ledger.pull() != nil) }
    }

    @Test func `an image that is not counted makes no account unlimited`() throws {
        let ledger = ledger()
        ledger.finish(try #require(ledger.pull()), told(40))
        ledger.finish(try #require(ledger.pull()), nil)
        #expect(ledger.report(now: start).pairs[0].remaining == 40)
        #expect(ledger.report(now: start).pairs[0].state == .open)
    }

    @Test(
        arguments: [
            // The most per time that is left: 50 in an hour before 90 in six hours.
            ([("a", 90), ("b", 50)], ["a": 21_600, "b": 3600], "b"),
            ([("a", 90), ("b", 50)], ["a": 21_600, "b": 21_600], "a"),
            ([("a", 10), ("b", 90)], ["a": 600, "b": 21_600], "a"),
            ([("a", 0), ("b", 1)], ["a": 600, "b": 21_600], "b"),
        ] as [([(String, Int64)], [String: Int64], String)])
    func `the pair with the most headroom for the time is taken`(
        _ budgets: [(String, Int64)], _ windows: [String: Int64], _ expected: String
    ) {
        let ledger = ledger(budgets.map(\.0))
        ledger.learn(
            budgets.map { ($0.0, told($0.1, window: .seconds(windows[$0.0] ?? 1))) })
        #expect(ledger.pull()?.pair.account == AccountName(expected))
    }

    @Test func `a window that ends soon overtakes one with more left`() {
        let ledger = ledger(["a", "b"])
        ledger.learn([("a", told(80, window: .seconds(3600)))])
        ledger.learn([("b", told(90, window: .seconds(3600)))], at: start + .seconds(1800))
        // At half time a has 80 for 30 minutes, b has 90 for 60.
        #expect(ledger.pull(at: start + .seconds(1800))?.pair.account == AccountName("a"))
    }

    @Test func `the last pulls are not given away twice`() throws {
        let ledger = ledger(reserve: .pulls(0))
        ledger.learn([("anonymous", told(3))])
        let pulls = (0..<5).map { _ in ledger.pull() }
        #expect(pulls.compactMap(\.self).count == 3)
        let refusal = ledger.refusal()
        #expect(refusal?.reason == .spent)
        #expect(refusal?.until == start + .seconds(21_600))
        ledger.settle(try #require(pulls[0]), .unsent, now: start)
        let again = ledger.pull()
        #expect(again != nil)
    }

    @Test(
        arguments: [
            (QuotaPurpose.firstPull, 1, true), (.pull, 10, false), (.pull, 11, true), (.background, 20, false),
            (.background, 21, true), (.uncounted, 0, true), (.firstPull, 0, false),
        ] as [(QuotaPurpose, Int64, Bool)])
    func `the reserve is kept for what was never cached`(_ purpose: QuotaPurpose, _ remaining: Int64, _ may: Bool) {
        let ledger = ledger()
        ledger.learn([("anonymous", told(remaining))])
        let reservation = ledger.pull(purpose)
        #expect((reservation != nil) == may)
        if !may, remaining > 0 { #expect(ledger.refusal(purpose)?.reason == .reserved) }
    }

    @Test func `a window that has passed gives its limit back`() {
        let ledger = ledger()
        ledger.learn([("anonymous", told(0))])
        #expect(ledger.pull(at: start + .seconds(21_599)) == nil)
        #expect(ledger.pull(at: start + .seconds(21_600)) != nil)
        #expect(ledger.report(now: start + .seconds(21_600)).pairs[0].remaining == 100)
    }

    @Test func `nothing left in a window of unknown length is asked after again, less and less often`() throws {
        let ledger = ledger()
        ledger.finish(try #require(ledger.pull()), told(5, window: nil))
        var now = start
        var waits: [Int64] = []
        for _ in 0..<8 {
            let reservation = try #require(ledger.pull(at: now))
            ledger.settle(reservation, .pullLimit(retryAfter: nil), now: now)
            let until = try #require(ledger.refusal(at: now)?.until)
            waits.append((until - now).wholeSeconds)
            now = until
        }
        #expect(waits == [60, 120, 240, 480, 960, 1920, 3600, 3600])
    }

    @Test func `a refused pull sets the pair aside until Retry-After, and the next one is taken`() throws {
        let ledger = ledger(["a", "b"])
        ledger.learn([("a", told(90)), ("b", told(50))])
        let first = try #require(ledger.pull())
        #expect(first.pair.account == AccountName("a"))
        ledger.settle(first, .pullLimit(retryAfter: .seconds(120)), now: start)
        #expect(ledger.pull()?.pair.account == AccountName("b"))
        #expect(ledger.report(now: start).pairs[0].state == .spent)
        #expect(ledger.report(now: start).pairs[0].setAsideUntil == start + .seconds(120))
        #expect(ledger.pull(at: start + .seconds(120))?.pair.account == AccountName("a"))
    }

    @Test func `a refused pull without Retry-After sets the pair aside until its window ends`() throws {
        let ledger = ledger()
        ledger.learn([("anonymous", told(90))])
        let later = start + .seconds(600)
        ledger.settle(try #require(ledger.pull(at: later)), .pullLimit(retryAfter: nil), now: later)
        #expect(ledger.refusal(at: later)?.until == start + .seconds(21_600))
    }

    @Test func `what is not counted goes on while nothing is left, unless that is refused as well`() throws {
        let ledger = ledger(["a", "b"])
        ledger.learn([("a", told(0)), ("b", told(0))])
        let head = try #require(ledger.pull(.uncounted))
        ledger.settle(head, .pullLimit(retryAfter: .seconds(60)))
        let other = try #require(ledger.pull(.uncounted))
        #expect(other.pair != head.pair)
        ledger.settle(other, .pullLimit(retryAfter: .seconds(30)))
        #expect(ledger.pull(.uncounted) == nil)
        #expect(ledger.refusal(.uncounted)?.reason == .spent)
        #expect(ledger.refusal(.uncounted)?.until == start + .seconds(30))
        #expect(ledger.pull(.uncounted, at: start + .seconds(30))?.pair == other.pair)
    }

    @Test func `an abuse limit slows the whole address, and no other`() throws {
        let ledger = ledger(["a", "b"], egress: ["one", "two"])
        ledger.learn([("a", told(90)), ("b", told(50))])
        let first = try #require(ledger.pull())
        ledger.settle(first, .abuseLimit(retryAfter: nil), now: start)
        for _ in 0..<20 {
            let pair = ledger.pull()?.pair
            #expect(pair?.egress != first.pair.egress)
            let uncounted = ledger.pull(.uncounted)?.pair
            #expect(uncounted?.egress != first.pair.egress)
        }
        #expect(ledger.report(now: start).pairs.filter { $0.state == .slowed }.count == 2)
    }

    @Test func `an address that was slowed comes back one request at a time`() throws {
        let ledger = ledger()
        ledger.finish(try #require(ledger.pull()), nil)
        ledger.settle(try #require(ledger.pull()), .abuseLimit(retryAfter: .seconds(30)), now: start)
        #expect(ledger.refusal(.uncounted)?.until == start + .seconds(30))
        var now = start + .seconds(30)
        let first = try #require(ledger.pull(.uncounted, at: now))
        #expect(ledger.refusal(.uncounted, at: now)?.until == now + .seconds(1))
        ledger.settle(first, .answered(wasToldLimits: false), now: now)
        var passed = 1
        for _ in 0..<10 {
            now = ledger.refusal(.uncounted, at: now)?.until ?? now
            guard let next = ledger.pull(.uncounted, at: now) else { continue }
            ledger.settle(next, .answered(wasToldLimits: false), now: now)
            passed += 1
        }
        #expect(passed > 5)
        #expect(ledger.pull(.uncounted, at: now) != nil)
        #expect(ledger.pull(.uncounted, at: now) != nil)
    }

    @Test func `a refused account is left alone, and anonymous taken only where it is allowed`() throws {
        for isAllowed in [true, false] {
            let ledger = ledger(["a"], anonymous: isAllowed)
            ledger.learn([("a", told(90))])
            #expect(ledger.pull()?.pair.account == AccountName("a"))
            ledger.setAside(AccountName("a"), until: start + .seconds(60), now: start)
            #expect(ledger.pull()?.pair.account == (isAllowed ? .anonymous : nil))
            #expect(ledger.pull(.uncounted)?.pair.account == (isAllowed ? .anonymous : nil))
            if !isAllowed {
                let refusal = ledger.refusal()
                #expect(refusal?.reason == .refused)
                #expect(refusal?.until == start + .seconds(60))
            }
            #expect(ledger.pull(at: start + .seconds(60))?.pair.account == AccountName("a"))
        }
    }

    @Test func `an account with anything left comes before the address alone`() {
        let ledger = ledger(["a"], anonymous: true)
        ledger.learn([("a", told(1)), ("anonymous", told(99))])
        #expect(ledger.pull()?.pair.account == AccountName("a"))
        #expect(ledger.pull()?.pair.account == .anonymous)
    }

    @Test func `an account that was refused for a repository hides no other`() {
        let ledger = ledger(["a", "b"], anonymous: true)
        ledger.learn([("a", told(90)), ("b", told(50))])
        #expect(ledger.pull(excluding: ["a"])?.pair.account == AccountName("b"))
        #expect(ledger.pull(excluding: ["a", "b"])?.pair.account == .anonymous)
        #expect(ledger.pull(excluding: ["a", "b", "anonymous"]) == nil)
        #expect(ledger.pull(.uncounted, excluding: ["a", "b", "anonymous"]) == nil)
    }

    @Test func `who pulled the manifest pulls the blobs, though nothing be left of its pulls`() {
        let ledger = ledger(["a", "b"], egress: ["one", "two"])
        ledger.learn([("a", told(0)), ("b", told(50))])
        let request = QuotaRequest(.uncounted, preferring: AccountName("a"))
        let decision = ledger.choose(request, now: start)
        guard case .granted(let reservation) = decision else {
            Issue.record("refused")
            return
        }
        #expect(reservation.pair.account == AccountName("a"))
    }

    @Test func `pairs that are counted as one share one budget`() throws {
        let ledger = ledger(["a"], egress: ["one", "two"], reserve: .pulls(0))
        let (one, two) = (
            QuotaPair(AccountName("a"), EgressName("one")), QuotaPair(AccountName("a"), EgressName("two"))
        )
        ledger.observe(told(3, source: "id"), of: one, startedAt: start, now: start)
        ledger.observe(told(2, source: "id"), of: two, startedAt: start, now: start)
        #expect(ledger.pull() != nil)
        #expect(ledger.pull() != nil)
        #expect(ledger.pull() == nil)
        #expect(ledger.report(now: start).pairs.map(\.remaining) == [2, 2])
        #expect(ledger.report(now: start).firstPulls == 0)
    }

    @Test func `addresses of one account take turns`() {
        let ledger = ledger(["a"], egress: ["one", "two"])
        ledger.learn([("a", told(50, source: "id"))])
        let names = (0..<4).compactMap { _ in ledger.pull()?.pair.egress.description }
        #expect(names == ["one", "two", "one", "two"])
    }

    @Test func `an address whose source changes is counted anew`() {
        let ledger = ledger(egress: ["one", "two"], reserve: .pulls(0))
        let (one, two) = (QuotaPair(.anonymous, EgressName("one")), QuotaPair(.anonymous, EgressName("two")))
        ledger.observe(told(0, source: "1.2.3.4"), of: one, startedAt: start, now: start)
        ledger.observe(told(0, source: "1.2.3.4"), of: two, startedAt: start, now: start)
        #expect(ledger.refusal() != nil)
        ledger.observe(told(7, source: "5.6.7.8"), of: two, startedAt: start, now: start)
        #expect(ledger.report(now: start).firstPulls == 7)
        #expect(ledger.pull()?.pair == two)
    }

    @Test func `an answer that was overtaken shows no more than is known`() throws {
        let ledger = ledger(reserve: .pulls(0))
        ledger.learn([("anonymous", told(10))])
        let (slow, fast) = (try #require(ledger.pull()), try #require(ledger.pull()))
        let later = start + .seconds(2)
        ledger.observe(told(8), by: fast, startedAt: start, now: later)
        ledger.observe(told(9), by: slow, startedAt: start, now: later + .seconds(1))
        #expect(ledger.report(now: later).pairs[0].remaining == 8)
        let next = try #require(ledger.pull(at: later + .seconds(2)))
        // One that was sent afterwards tells the truth: the window has begun anew.
        ledger.observe(told(99), by: next, startedAt: later + .seconds(2), now: later + .seconds(3))
        #expect(ledger.report(now: later + .seconds(3)).pairs[0].remaining == 99)
        #expect(ledger.report(now: later + .seconds(3)).pairs[0].recoversAt == later + .seconds(21_603))
    }

    @Test func `a pull whose answer never came is taken for counted, until an answer says otherwise`() throws {
        let ledger = ledger()
        ledger.learn([("anonymous", told(50))])
        ledger.settle(try #require(ledger.pull()), .unknown, now: start)
        #expect(ledger.report(now: start).pairs[0].remaining == 49)
        let later = start + .seconds(60)
        ledger.finish(try #require(ledger.pull(at: later)), told(50), at: later)
        #expect(ledger.report(now: later).pairs[0].remaining == 50)
        // It may as well be a new window.
        #expect(ledger.report(now: later).pairs[0].recoversAt == later + .seconds(21_600))
    }

    @Test func `a clock that is set back neither keeps a window open for a day nor ends it twice`() throws {
        let ledger = ledger(reserve: .pulls(0))
        ledger.learn([("anonymous", told(0))])
        let back = start - .seconds(86_400)
        #expect(ledger.pull(at: back) == nil)
        let until = try #require(ledger.refusal(at: back)?.until)
        #expect(until - back == .seconds(21_600))
        #expect(ledger.pull(at: until) != nil)
    }

    @Test(
        arguments: [
            (50, 0, 0.5), (100, 0, 0), (25, 16_200, 0), (25, 0, 0.75), (0, 0, 1), (5, 10_800, 0.9),
        ] as [(Int64, Int64, Double)])
    func `urgency is how far the budget is behind its window`(_ left: Int64, _ elapsed: Int64, _ expected: Double) {
        let ledger = ledger()
        ledger.learn([("anonymous", told(left))])
        let urgency = ledger.urgency(now: start + .seconds(elapsed))
        #expect(abs(urgency - expected) < 0.001)
    }

    @Test func `numbers beyond all reason are taken for large ones`() {
        let ledger = ledger()
        ledger.learn([("anonymous", told(.max, of: .max, window: .seconds(Int64.max / 2)))])
        #expect(ledger.pull() != nil)
        #expect(ledger.report().pairs[0].limit == QuotaObservation.countMax)
    }

    @Test func `a limit of nothing is asked after again in the end`() {
        let ledger = ledger()
        ledger.learn([("anonymous", told(0, of: 0, window: .zero))])
        #expect(ledger.pull(at: start + .seconds(2)) == nil)
        #expect(ledger.pull(at: start + .seconds(70)) != nil)
    }
}
