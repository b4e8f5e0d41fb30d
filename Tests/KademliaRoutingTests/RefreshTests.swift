import InProcessPeers
import LibP2P
import Testing

@testable import KademliaRouting

struct RefreshTests {
    @Test func `the pace is quick after something new, then slower, and at last regular`() {
        var pace = RefreshPace(first: .seconds(1))
        let regular = Duration.seconds(10)
        var waits: [Duration] = []
        for _ in 0..<6 { waits.append(pace.next(atMost: regular)) }
        #expect(waits == [1, 2, 4, 8, 10, 10].map { .seconds($0) })
        #expect(!pace.isEarly(before: regular))
        pace.note(known: 3)
        #expect(pace.isEarly(before: regular))
        let next = pace.next(atMost: regular)
        #expect(next == .seconds(1))
    }

    @Test func `peers that come and go do not quicken the pace`() {
        var pace = RefreshPace(first: .seconds(1))
        pace.note(known: 3)
        for _ in 0..<6 { _ = pace.next(atMost: .seconds(10)) }
        for count in [2, 3, 1, 3] { pace.note(known: count) }
        #expect(!pace.isEarly(before: .seconds(10)))
        // After nobody was known, everybody is new.
        pace.note(known: 0)
        pace.note(known: 1)
        #expect(pace.isEarly(before: .seconds(10)))
    }

    @Test func `lost peers are tried for an hour, and the latest of too many are kept`() throws {
        var lost = LostPeers(countMax: 3, lifetime: .seconds(100))
        for number in 0..<5 { lost.note(try Samples.record(number), now: .seconds(number)) }
        lost.note(try Samples.record(4), now: .seconds(50))
        let first = lost.due(now: .seconds(60), limit: 2).map(\.peer)
        let second = lost.due(now: .seconds(60), limit: 2).map(\.peer)
        #expect(Set(first + second) == Set(try (2..<5).map { try Samples.peer($0) }))
        #expect(first.count == 2, "not more at once than asked for")
        lost.remove(try Samples.peer(2))
        #expect(lost.count == 2)
        let left = lost.due(now: .seconds(103), limit: 9).map(\.peer)
        #expect(left == [try Samples.peer(4)], "being lost again does not begin anew")
    }

    /// A quarter of the time they were away, give or take a quarter of that, and from 5 seconds to 2 minutes.
    @Test(arguments: [(0, 5.0), (12, 5), (60, 15), (400, 100), (2000, 120)])
    func `lost peers are asked the more slowly the longer they are away`(_ age: Int, _ pause: Double) throws {
        var lost = LostPeers()
        lost.suspect(try Samples.record(1), now: .zero)
        let now = Duration.seconds(age)
        #expect(lost.due(now: now, limit: 1).count == 1, "who was only late is asked at once")
        let next = try #require(lost.nextDue) - now
        #expect((.seconds(pause * 0.75)...Duration.seconds(pause * 1.25)).contains(next), "\(next)")
        let again = lost.due(now: now, limit: 1)
        #expect(again.isEmpty)
    }

    @Test func `a lost peer that sends something is asked soon, and not more often for sending more`() throws {
        var lost = LostPeers()
        let peer = try Samples.peer(1)
        lost.note(try Samples.record(1), now: .zero)
        let isKnown = [lost.heard(peer, now: .seconds(1)), lost.heard(try Samples.peer(2), now: .seconds(1))]
        #expect(isKnown == [true, false])
        #expect(lost.due(now: .seconds(1), limit: 1).map(\.peer) == [peer])
        _ = lost.heard(peer, now: .seconds(2))
        let soon = lost.due(now: .seconds(2), limit: 1)
        #expect(soon.isEmpty)
        #expect(lost.due(now: .seconds(8), limit: 1).map(\.peer) == [peer])
    }

    @Test func `who is late for a look-up is passed over, and lost where it does not answer by itself`() throws {
        var state = KademliaState(own: try Samples.peer(0))
        let (late, other) = (try Samples.record(1), try Samples.record(2))
        for record in [late, other] { _ = state.note(record, answeredAfter: .zero, now: .zero) }
        state.suspect(late, now: .seconds(1))
        let target = KeyspacePoint(late.peer)
        #expect(state.lookup(target).heard == [other])
        #expect(state.table.count == 2, "the table keeps it")
        let due = state.lost.due(now: .seconds(1), limit: 9)
        #expect(due == [late])
        var answered = state
        _ = answered.note(late, answeredAfter: .seconds(4), now: .seconds(5))
        #expect(answered.lookup(target).heard == [late, other])
        _ = state.note(late, answeredAfter: nil, now: .seconds(11))
        #expect(state.table.count == 1 && state.lost.count == 1)
        // Others go on naming it.
        var lookup = state.lookup(target)
        #expect(lookup.next() == [other])
        lookup.answered(other.peer, closer: [late])
        #expect(lookup.isFinished)
    }
}

struct BootstrapPaceTests {
    @Test func `it is asked ever more slowly while nobody is known, and seldom where all is well`() {
        var pace = BootstrapPace(KademliaConfiguration())
        var now = Duration.zero
        var pauses: [Duration] = []
        for _ in 0..<10 {
            pace.asked(.alone, chance: 1, now: now)
            pauses.append(pace.due(.alone) - now)
            now = pace.due(.alone)
        }
        #expect(pauses.first == .milliseconds(50) && pauses[1] == .milliseconds(100) && pauses.last == .seconds(10))
        pace.asked(.well, chance: 1.25, now: now)
        #expect(pace.due(.well) - now == .seconds(2250))
        #expect(pace.due(.alone) - now < .milliseconds(100), "whoever loses everybody asks at once")
    }

    @Test func `where peers were lost it is asked soon, then ever more slowly`() {
        var pace = BootstrapPace(KademliaConfiguration())
        pace.asked(.well, chance: 0.75, now: .seconds(100))
        #expect(pace.due(.hurt) == .seconds(107.5))
        for (now, pause) in [(108, 20), (130, 40), (170, 80)] {
            pace.asked(.hurt, chance: 1, now: .seconds(now))
            #expect(pace.due(.hurt) == .seconds(now + pause))
        }
        for now in 0..<20 { pace.asked(.hurt, chance: 1, now: .seconds(now)) }
        #expect(pace.due(.hurt) == .seconds(19 + 1800))
    }
}

struct GrowthTests {
    @Test func `keys are told again when half as many peers again are known, once a minute at most`() throws {
        var state = KademliaState(own: try Samples.peer(0))
        func know(_ numbers: Range<Int>) throws {
            for number in numbers {
                _ = state.note(try Samples.record(number), answeredAfter: .zero, now: .zero)
            }
        }
        try know(1..<21)
        state.sweep.add(ContentKey(text: "a"), now: .zero)
        let early = state.hastenAfterGrowth(now: .seconds(100))
        #expect(!early, "nothing was told yet")
        state.hasten(now: .zero)
        try know(21..<60)
        let tooSoon = state.hastenAfterGrowth(now: .seconds(59))
        let grown = state.hastenAfterGrowth(now: .seconds(60))
        let again = state.hastenAfterGrowth(now: .seconds(600))
        #expect(!tooSoon && grown && !again)
        // Who was lost and found makes it grow again.
        let known = state.table.entries.map(\.record)
        for record in known.dropFirst(20) { _ = state.note(record, answeredAfter: nil, now: .seconds(600)) }
        for record in known { _ = state.note(record, answeredAfter: .zero, now: .seconds(600)) }
        let healed = state.hastenAfterGrowth(now: .seconds(600))
        #expect(healed)
    }
}
