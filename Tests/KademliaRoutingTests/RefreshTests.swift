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
        let known = Set(lost.candidates(now: .seconds(60)).map(\.peer))
        #expect(known == Set(try (2..<5).map { try Samples.peer($0) }))
        lost.remove(try Samples.peer(2))
        #expect(lost.count == 2)
        let left = lost.candidates(now: .seconds(103)).map(\.peer)
        #expect(left == [try Samples.peer(4)], "being lost again does not begin anew")
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
