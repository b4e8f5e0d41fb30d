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
