import Testing
import Timekeeping

@testable import Quota

/// Fields that contradict themselves or each other, and clocks that do.
@Suite struct StrangeAnswerTests {
    private let anonymous = "anonymous"

    private func pair(_ tested: TestedLedger, at now: Timestamp = start) throws -> QuotaPairReport {
        try #require(tested.report(now: now).pairs.first)
    }

    @Test func `more left than the limit is believed up to the limit`() throws {
        let tested = ledger(reserve: .pulls(0))
        tested.learn([(anonymous, told(5000, of: 100))])
        #expect(try pair(tested).remaining == 100)
        tested.learn([(anonymous, told(.max, of: 7))], at: start + .seconds(1))
        #expect(try pair(tested).remaining == 7)
        #expect(tested.report().firstPulls == 7)
    }

    @Test(
        arguments: [
            (100, nil, 100, 100), (nil, 40, 40, 40), (100, 40, 100, 40), (0, 0, 0, 0),
        ] as [(Int64?, Int64?, Int64, Int64)])
    func `either number alone does`(_ limit: Int64?, _ left: Int64?, _ expected: Int64, _ remaining: Int64) throws {
        let tested = ledger()
        tested.learn([(anonymous, told(left, of: limit))])
        #expect(try pair(tested).limit == expected)
        #expect(try pair(tested).remaining == remaining)
    }

    @Test(
        arguments: [
            // Raised: what was spent stays spent. Lowered: no more than there is.
            (100, 40, 200, 140), (100, 40, 20, 20), (100, 40, 100, 40),
        ] as [(Int64, Int64, Int64, Int64)])
    func `a limit that changes without a count keeps what is known`(
        _ before: Int64, _ left: Int64, _ after: Int64, _ expected: Int64
    ) throws {
        let tested = ledger()
        tested.learn([(anonymous, told(left, of: before))])
        tested.learn([(anonymous, told(nil, of: after))], at: start + .seconds(9))
        #expect(try pair(tested).remaining == expected)
    }

    @Test(arguments: [3600, 43_200] as [Int64])
    func `a window that changes its length ends that much after it was told`(_ seconds: Int64) throws {
        let tested = ledger()
        tested.learn([(anonymous, told(50))])
        let later = start + .seconds(60)
        tested.learn([(anonymous, told(49, window: .seconds(seconds)))], at: later)
        #expect(try pair(tested, at: later).window == .seconds(seconds))
        #expect(try pair(tested, at: later).recoversAt == later + .seconds(seconds))
    }

    @Test(arguments: [nil, .zero, .seconds(-5)] as [Duration?])
    func `a window of no length is none, and what is spent is asked after again`(_ window: Duration?) throws {
        let tested = ledger()
        tested.learn([(anonymous, told(0, window: window))])
        #expect(try pair(tested).window == nil)
        let refusal = try #require(tested.refusal())
        let until = try #require(refusal.until)
        #expect(until - start <= .seconds(3600))
        #expect(tested.pull(at: until) != nil)
    }

    @Test func `answers without fields tell nothing of a limit that is known`() throws {
        let tested = ledger(reserve: .pulls(0))
        tested.learn([(anonymous, told(2))])
        for _ in 0..<3 { tested.finish(try #require(tested.pull()), nil) }
        #expect(try pair(tested).remaining == 2)
        #expect(try pair(tested).state == .open)
    }

    @Test(arguments: [nil, .zero, .seconds(-10), .seconds(5), .seconds(Int64.max / 2000)] as [Duration?])
    func `a limiter against abuse is left alone for a while, whatever it says`(_ retryAfter: Duration?) throws {
        let tested = ledger()
        tested.learn([(anonymous, told(50))])
        tested.settle(try #require(tested.pull()), .abuseLimit(retryAfter: retryAfter))
        let refusal = try #require(tested.refusal())
        #expect(refusal.reason == .slowed)
        let until = try #require(refusal.until)
        #expect(until > start && until - start <= .seconds(86_400))
        #expect(tested.pull(at: until) != nil)
    }

    @Test(arguments: [nil, .zero, .seconds(-10), .seconds(Int64.max / 2000)] as [Duration?])
    func `a pull limit is respected for a while, whatever it says`(_ retryAfter: Duration?) throws {
        let tested = ledger()
        tested.settle(try #require(tested.pull()), .pullLimit(retryAfter: retryAfter))
        let refusal = try #require(tested.refusal())
        #expect(refusal.reason == .spent)
        let until = try #require(refusal.until)
        #expect(until > start && until - start <= .seconds(400 * 86_400))
        #expect(tested.pull(at: until) != nil)
    }

    @Test func `a clock before its epoch, or set back between question and answer, harms nothing`() throws {
        let early = Timestamp(milliseconds: -5_000_000)
        var plain = QuotaLedger(accounts: [], allowsAnonymous: true, now: early)
        guard case .granted(let reservation) = plain.choose(QuotaRequest(.firstPull), now: early) else {
            Issue.record("refused")
            return
        }
        plain.observe(told(9), by: reservation, startedAt: early, now: early - .seconds(3600))
        plain.settle(reservation, .answered(wasToldLimits: true), now: early - .seconds(7200))
        let report = plain.report(now: early)
        #expect(report.pairs[0].remaining == 9)
        #expect(report.pairs[0].inFlight == 0)
        // From after it was asked: it is no news, and no crash.
        plain.observe(
            told(3), of: QuotaPair(.anonymous, .system), startedAt: early + .seconds(86_400), now: early)
        #expect(plain.report(now: early).pairs[0].remaining == 3)
    }
}
