import Testing
import Timekeeping

@testable import Quota

/// What is kept and compared over time, and what it is worth then.
@Suite struct RememberedTests {
    private let pair = QuotaPair(.anonymous, .system)

    @Test(
        arguments: [
            (.seconds(21_600), 21_600), (.seconds(60), 60), (nil, 86_400), (.zero, 86_400),
        ] as [(Duration?, Int64)])
    func `what is kept of a window lies no further ahead than the window is long`(
        _ window: Duration?, _ longest: Int64
    ) {
        let ledger = ledger(reserve: .pulls(0))
        let record = QuotaRecord(
            pair: pair, source: nil, limit: 100, remaining: 0, window: window,
            windowEndsAt: start + .seconds(30 * 86_400), blockedUntil: start + .seconds(30 * 86_400),
            observedAt: start - .seconds(1))
        ledger.restore([record], now: start)
        #expect(ledger.refusal()?.until == start + .seconds(longest))
        #expect(ledger.pull(at: start + .seconds(longest)) != nil)
    }

    @Test func `what was learnt of late is neither restored over nor asked after`() {
        let ledger = ledger()
        ledger.learn([("anonymous", told(50))])
        let record = QuotaRecord(
            pair: pair, source: nil, limit: 100, remaining: 0, window: .seconds(60), windowEndsAt: nil,
            blockedUntil: nil, observedAt: start - .seconds(1))
        ledger.restore([record], now: start)
        #expect(ledger.report(now: start).pairs[0].remaining == 50)
        let age = Duration.seconds(900)
        #expect(ledger.ledger.unheard(for: age, now: start + .seconds(899), limit: 4) == [])
        #expect(ledger.ledger.unheard(for: age, now: start + age, limit: 4) == [pair])
    }

    @Test func `requests that were under way when an address was first refused make its pause no longer`() throws {
        let one = ledger()
        one.settle(try #require(one.pull(.uncounted)), .abuseLimit(retryAfter: nil), now: start)
        let pause = try #require(one.refusal(.uncounted)?.until)
        let many = ledger()
        let underWay = try (0..<5).map { _ in try #require(many.pull(.uncounted)) }
        for reservation in underWay { many.settle(reservation, .abuseLimit(retryAfter: nil), now: start) }
        #expect(many.refusal(.uncounted)?.until == pause)
        // One that was sent afterwards does.
        let next = try #require(many.pull(.uncounted, at: pause))
        many.settle(next, .abuseLimit(retryAfter: nil), now: pause)
        let longer = try #require(many.refusal(.uncounted, at: pause)?.until)
        #expect(longer - pause == (pause - start) * 2)
    }

    @Test(
        arguments: [
            (.percent(10), 100, 10), (.percent(10), 101, 11), (.percent(10), 1, 1), (.percent(0), 100, 0),
            (.percent(100), 7, 7), (.percent(1), 200, 2), (.percent(99), 1 << 40, 1_088_516_511_499),
            (.pulls(5), 100, 5),
        ] as [(QuotaPolicy.Share, Int64, Int64)])
    func `a part of a limit is rounded up`(_ share: QuotaPolicy.Share, _ limit: Int64, _ pulls: Int64) {
        #expect(share.pulls(of: limit) == pulls)
    }

    @Test func `a refusal for a repository is forgotten with time, and by a pull that succeeds`() {
        var access = RepositoryAccess()
        let (a, b) = (AccountName("a"), AccountName("b"))
        access.noteDenial(of: a, to: "r", now: start)
        access.noteDenial(of: b, to: "r", now: start + .seconds(60))
        let both = access.denied(in: "r", now: start + .seconds(599))
        #expect(both == [a, b])
        let later = access.denied(in: "r", now: start + RepositoryAccess.denialTime)
        #expect(later == [b])
        // A clock that was set back makes no refusal last longer.
        let back = access.denied(in: "r", now: start - .seconds(3600))
        #expect(back == [])
        access.noteAccess(of: b, to: "r")
        let known = access.account(for: "r")
        #expect(known == b)
        let left = access.denied(in: "r", now: start + .seconds(61))
        #expect(left == [a])
        access.noteDenial(of: b, to: "r", now: start)
        let nobody = access.account(for: "r")
        #expect(nobody == nil)
    }
}
