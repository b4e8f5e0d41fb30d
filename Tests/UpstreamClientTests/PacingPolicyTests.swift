import Testing

@testable import UpstreamClient

@Suite struct PacingPolicyTests {
    // MARK: Token bucket

    @Test(arguments: [
        // what is taken one after the other, at 100 a second with a burst of 50; how long before the last of them
        ([10.0], Duration.zero), ([50, 0], .zero), ([50, 1], .milliseconds(10)), ([50, 50], .milliseconds(500)),
        ([50, 50, 50], .milliseconds(1000)),
        // More than the burst waits for the burst, and the rest is made up for afterwards.
        ([200, 1], .milliseconds(1510)),
    ])
    func `a bucket gives no more than its burst and its rate`(_ amounts: [Double], _ expected: Duration) {
        var bucket = TokenBucket(perSecond: 100, burst: 50, now: .zero)
        var now = Duration.zero
        for (index, amount) in amounts.enumerated() {
            now += bucket.delay(for: amount, now: now)
            if index < amounts.count - 1 { bucket.take(amount, now: now) }
        }
        #expect(abs((now - expected) / .milliseconds(1)) < 0.01)
    }

    @Test func `a pause fills a bucket to its burst and no further`() {
        var bucket = TokenBucket(perSecond: 100, burst: 50, now: .zero)
        bucket.take(50, now: .zero)
        let atOnce = bucket.delay(for: 50, now: .seconds(3600))
        #expect(atOnce == .zero)
        bucket.take(50, now: .seconds(3600))
        let later = bucket.delay(for: 1, now: .seconds(3600))
        #expect(later > .milliseconds(9))
    }

    @Test func `a reservation beyond the limit takes nothing`() {
        var bucket = TokenBucket(perSecond: 10, burst: 1, now: .zero)
        let waits = (0..<5).map { _ in bucket.reserve(1, now: .zero, limit: .milliseconds(250)) }
        #expect(waits.map { $0.map { ($0 / .milliseconds(1)).rounded() } } == [0, 100, 200, nil, nil])
        bucket.giveBack(1)
        let again = bucket.reserve(1, now: .zero, limit: .milliseconds(250))
        #expect(again != nil)
    }

    @Test func `a clock that stands still or goes back gives nothing`() {
        var bucket = TokenBucket(perSecond: 100, burst: 10, now: .seconds(5))
        bucket.take(10, now: .seconds(5))
        let delay = bucket.delay(for: 10, now: .seconds(1))
        #expect((delay / .milliseconds(1)).rounded() == 100)
    }

    // MARK: Bandwidth

    @Test func `flows have their turns evenly, however many of their connections wait`() {
        var share = BandwidthShare<String, String>(bucket: TokenBucket(perSecond: 100, burst: 10, now: .zero))
        for id in 0..<8 { share.enter("large", id: UInt64(id), bytes: 10, flow: "large") }
        for id in 8..<11 { share.enter("small", id: UInt64(id), bytes: 10, flow: "small") }
        var order: [String] = []
        var now = Duration.zero
        while true {
            let (admitted, next) = share.admit(now: now)
            order += admitted
            guard let next else { break }
            now += next
        }
        #expect(
            order == [
                "large", "small", "large", "small", "large", "small", "large", "large", "large", "large", "large",
            ])
        // 110 bytes, of which 10 were there: the rest at 100 a second.
        #expect(abs(now / .seconds(1) - 1) < 0.01)
    }

    @Test func `who leaves gives up the turn and no bytes`() {
        var share = BandwidthShare<Int, Int>(bucket: TokenBucket(perSecond: 100, burst: 10, now: .zero))
        for id in 0..<4 { share.enter(id, id: UInt64(id), bytes: 10, flow: id % 2) }
        let left = share.leave(id: 1, flow: 1)
        let again = share.leave(id: 1, flow: 1)
        #expect(left == 1 && again == nil)
        let first = share.admit(now: .zero).admitted
        let second = share.admit(now: .milliseconds(100)).admitted
        let third = share.admit(now: .milliseconds(200))
        #expect(first + second + third.admitted == [0, 3, 2])
        #expect(third.next == nil)
    }

    // MARK: Second requests

    @Test func `the quantile of the latest answers counts`() {
        var times = FirstByteTimes(limit: 100)
        #expect(times.quantile(0.95) == nil)
        for millisecond in 1...1000 { times.record(.milliseconds(millisecond)) }
        #expect(times.count == 100)
        #expect(times.quantile(0.95) == .milliseconds(995))
        #expect(times.quantile(0) == .milliseconds(901))
        #expect(times.quantile(1) == .milliseconds(1000))
    }

    @Test(arguments: [
        // answers seen, each of so many milliseconds; how long the next is waited for
        (19, 100, nil), (20, 100, 100), (200, 100, 100), (20, 3, 50), (20, 60_000, 2000),
    ])
    func `slow is what few answers were, between a floor and a ceiling`(
        _ count: Int, _ milliseconds: Int, _ expected: Int?
    ) {
        var policy = HedgePolicy(.init(share: 1))
        for _ in 0..<count { policy.record(.token, after: .milliseconds(milliseconds)) }
        let delay = policy.begin(.token, now: .zero)
        #expect(delay == expected.map { .milliseconds($0) })
        // The other kind has its own measure.
        let other = policy.begin(.manifestHead, now: .zero)
        #expect(other == nil)
    }

    @Test func `one request in twenty is asked twice at the most`() {
        var policy = HedgePolicy()
        for _ in 0..<20 { policy.record(.manifestHead, after: .milliseconds(100)) }
        var hedged = 0
        for _ in 0..<1000 where policy.begin(.manifestHead, now: .zero) != nil {
            if policy.mayAskAgain(now: .zero) { hedged += 1 }
        }
        #expect((45...50).contains(hedged))
    }

    @Test func `not more than a few second requests are saved up`() {
        var policy = HedgePolicy()
        for _ in 0..<20 { policy.record(.manifestHead, after: .milliseconds(100)) }
        for _ in 0..<1000 { _ = policy.begin(.manifestHead, now: .zero) }
        let granted = (0..<10).map { _ in policy.mayAskAgain(now: .zero) }
        #expect(granted.count(where: \.self) == 2)
    }

    @Test(arguments: [(nil, 60), (Duration.seconds(10), 60), (.seconds(300), 300)])
    func `nothing is asked twice while the upstream asks for fewer requests`(_ retryAfter: Duration?, _ seconds: Int) {
        var policy = HedgePolicy(.init(share: 1))
        for _ in 0..<20 { policy.record(.token, after: .milliseconds(100)) }
        policy.restrain(now: .zero, retryAfter: retryAfter)
        let before = policy.begin(.token, now: .seconds(seconds) - .milliseconds(1))
        let asked = policy.mayAskAgain(now: .seconds(seconds) - .milliseconds(1))
        let after = policy.begin(.token, now: .seconds(seconds))
        #expect(before == nil && !asked && after != nil)
    }
}
