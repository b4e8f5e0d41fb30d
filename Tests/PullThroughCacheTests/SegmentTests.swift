import Testing
import Timekeeping

@testable import PullThroughCache

@Suite struct SegmentPlanTests {
    @Test
    func `a helper takes the second half of the largest remainder`() throws {
        var plan = SegmentPlan(0..<100)
        let firstTaken = plan.take(minimumBytes: 10)
        let first = try #require(firstTaken)
        #expect(first.remainder == 0..<100)
        plan.advance(first.id, to: 20)
        let secondTaken = plan.take(minimumBytes: 10)
        let second = try #require(secondTaken)
        #expect(second.remainder == 60..<100)
        #expect(plan.end(of: first.id) == 60)
        plan.advance(first.id, to: 55)
        let thirdTaken = plan.take(minimumBytes: 10)
        let third = try #require(thirdTaken)
        #expect(third.remainder == 80..<100)
        #expect(plan.missingBytes == 5 + 20 + 20)
    }

    @Test
    func `what is too small, or of unknown size, is not split`() throws {
        var plan = SegmentPlan(0..<19)
        _ = plan.take(minimumBytes: 10)
        let outcome1 = plan.take(minimumBytes: 10)
        #expect(outcome1 == nil)
        var unsized = SegmentPlan(0..<Int64.max)
        let onlyTaken = unsized.take(minimumBytes: 10)
        let only = try #require(onlyTaken)
        let outcome2 = unsized.take(minimumBytes: 10)
        #expect(outcome2 == nil)
        #expect(unsized.missingBytes == .max)
        unsized.bound(to: 100)
        #expect(unsized.end(of: only.id) == 100)
        let outcome3 = unsized.take(minimumBytes: 10)
        #expect(outcome3?.remainder == 50..<100)
    }

    @Test
    func `what a broken transfer leaves is taken up first, the earliest before the others`() throws {
        var plan = SegmentPlan(0..<100)
        let firstTaken = plan.take(minimumBytes: 1)
        let first = try #require(firstTaken)
        let secondTaken = plan.take(minimumBytes: 1)
        let second = try #require(secondTaken)
        plan.advance(second.id, to: 70)
        plan.abandon(second.id)
        plan.abandon(first.id)
        let outcome4 = plan.take(minimumBytes: 1)
        #expect(outcome4?.remainder == 0..<50)
        let outcome5 = plan.take(minimumBytes: 1)
        #expect(outcome5?.remainder == 70..<100)
        #expect(!plan.isComplete)
    }

    @Test
    func `random plans cover every byte once`() throws {
        for _ in 0..<200 {
            let size = Int64.random(in: 1...5000)
            var plan = SegmentPlan(0..<size)
            var covered = [Int](repeating: 0, count: Int(size))
            var running: [(segment: SegmentPlan.Segment, position: Int64)] = []
            while !plan.isComplete {
                switch Int.random(in: 0..<4) {
                case 0:
                    if running.count < 6, let segment = plan.take(minimumBytes: 16) {
                        running.append((segment, segment.remainder.lowerBound))
                    }
                case 1 where !running.isEmpty && Int.random(in: 0..<5) == 0:
                    plan.abandon(running.remove(at: Int.random(in: running.indices)).segment.id)
                default:
                    guard let index = running.indices.randomElement() else { continue }
                    let (segment, position) = running[index]
                    let end = min(position + Int64.random(in: 0...200), plan.end(of: segment.id))
                    for byte in position..<max(position, end) { covered[Int(byte)] += 1 }
                    running[index].position = max(position, end)
                    plan.advance(segment.id, to: end)
                    if end >= plan.end(of: segment.id) {
                        plan.finish(segment.id)
                        running.remove(at: index)
                    }
                }
            }
            #expect(covered.allSatisfy { $0 == 1 })
        }
    }
}

@Suite struct SegmentationPolicyTests {
    private let settings = Segmentation(
        connectionLimit: 8, minimumBytes: 100, measuringInterval: .seconds(1), worthwhile: .seconds(2), gain: 1.3)

    @Test
    func `connections are added while throughput rises, up to the limit`() {
        var policy = SegmentationPolicy(settings, now: .zero, isKnownToHelp: false)
        let outcome6 = policy.decide(now: .milliseconds(900), received: 900, missing: 100_000)
        #expect(outcome6 == .wait)
        let outcome7 = policy.decide(now: .seconds(1), received: 1000, missing: 100_000)
        #expect(outcome7 == .add(3))
        policy.added(3)
        let outcome8 = policy.decide(now: .milliseconds(1500), received: 1500, missing: 99_000)
        #expect(outcome8 == .wait)
        let outcome9 = policy.decide(now: .seconds(2), received: 3000, missing: 98_000)
        #expect(outcome9 == .wait)
        _ = policy.decide(now: .seconds(3), received: 7000, missing: 94_000)
        let outcome10 = policy.decide(now: .seconds(4), received: 11_000, missing: 90_000)
        #expect(outcome10 == .add(4))
        policy.added(4)
        #expect(policy.hasGained)
        #expect(policy.connections == 8)
        let outcome11 = policy.decide(now: .seconds(5), received: 15_000, missing: 80_000)
        #expect(outcome11 == .wait)
        let outcome12 = policy.decide(now: .seconds(6), received: 23_000, missing: 72_000)
        #expect(outcome12 == .wait)
    }

    @Test
    func `an upstream that is no faster is left alone`() {
        var policy = SegmentationPolicy(settings, now: .zero, isKnownToHelp: false)
        let outcome13 = policy.decide(now: .seconds(1), received: 1000, missing: 100_000)
        #expect(outcome13 == .add(3))
        policy.added(3)
        _ = policy.decide(now: .seconds(3), received: 2000, missing: 99_000)
        let outcome14 = policy.decide(now: .seconds(4), received: 3100, missing: 98_000)
        #expect(outcome14 == .stop)
        #expect(!policy.hasGained)
        let outcome15 = policy.decide(now: .seconds(9), received: 9000, missing: 90_000)
        #expect(outcome15 == .wait)
    }

    @Test
    func `a transfer that is over soon, or that stalls, is left alone`() {
        var quick = SegmentationPolicy(settings, now: .zero, isKnownToHelp: false)
        let outcome16 = quick.decide(now: .seconds(1), received: 1000, missing: 1900)
        #expect(outcome16 == .wait)
        var stalled = SegmentationPolicy(settings, now: .zero, isKnownToHelp: false)
        let outcome17 = stalled.decide(now: .seconds(1), received: 0, missing: 100_000)
        #expect(outcome17 == .wait)
    }

    @Test
    func `what helped last time is begun with at once`() {
        var policy = SegmentationPolicy(settings, now: .seconds(7), isKnownToHelp: true)
        let outcome18 = policy.decide(now: .seconds(7), received: 10, missing: 100_000)
        #expect(outcome18 == .add(3))
        var small = SegmentationPolicy(settings, now: .seconds(7), isKnownToHelp: true)
        let outcome19 = small.decide(now: .seconds(7), received: 10, missing: 250)
        #expect(outcome19 == .add(1))
        var tiny = SegmentationPolicy(settings, now: .seconds(7), isKnownToHelp: true)
        let outcome20 = tiny.decide(now: .seconds(7), received: 10, missing: 150)
        #expect(outcome20 == .wait)
    }

    @Test
    func `a connection that is fast enough is left alone`() {
        var fast = settings
        fast.fastBytesPerSecond = 1000
        var policy = SegmentationPolicy(fast, now: .zero, isKnownToHelp: false)
        let quick = policy.decide(now: .seconds(1), received: 1000, missing: 100_000)
        #expect(quick == .wait)
        let slower = policy.decide(now: .seconds(2), received: 1900, missing: 99_000)
        #expect(slower == .add(3))
    }

    @Test
    func `where no turn is free it is tried again, and nothing is concluded`() {
        var policy = SegmentationPolicy(settings, now: .zero, isKnownToHelp: false)
        let first = policy.decide(now: .seconds(1), received: 1000, missing: 100_000)
        #expect(first == .add(3))
        policy.added(0)
        _ = policy.decide(now: .seconds(3), received: 3000, missing: 98_000)
        let again = policy.decide(now: .seconds(4), received: 4000, missing: 97_000)
        #expect(again == .add(3))
    }

    @Test
    func `an upstream's record is kept until its pause is over`() {
        var memory = SegmentationMemory()
        let now = Timestamp(seconds: 100)
        #expect(memory.isAllowed(at: now) && !memory.helps)
        memory.noteGain()
        #expect(memory.helps)
        memory.notePointless(until: now + .seconds(10))
        #expect(!memory.isAllowed(at: now) && !memory.helps)
        #expect(memory.isAllowed(at: now + .seconds(10)))
    }
}
