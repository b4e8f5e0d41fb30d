import InProcessPeers
import LibP2P
import Testing

@testable import KademliaRouting

struct LookupTests {
    static let target = ContentKey(text: Samples.nginx).point

    static func lookup(_ numbers: some Sequence<Int>, _ limits: Lookup.Limits = .init()) throws -> Lookup {
        Lookup(
            target: target, own: try Samples.peer(0), seeds: try numbers.map { try Samples.record($0) }, limits: limits)
    }

    @Test func `ten are asked at once, the nearest first`() throws {
        var lookup = try Self.lookup(1...30)
        let asked = lookup.next()
        #expect(asked.count == 10)
        let nearest = try (1...30).map { try Samples.peer($0) }.sorted {
            KeyspacePoint($0).distance(to: Self.target) < KeyspacePoint($1).distance(to: Self.target)
        }
        #expect(asked.map(\.peer) == Array(nearest.prefix(10)))
        let more = lookup.next()
        #expect(more.isEmpty)
        lookup.answered(asked[0].peer, closer: [])
        let next = lookup.next()
        #expect(next.count == 1)
    }

    @Test func `it ends when the nearest twenty have answered, and not before`() throws {
        var lookup = try Self.lookup(1...30)
        var asked = 0
        while !lookup.isFinished {
            for record in lookup.next() {
                asked += 1
                lookup.answered(record.peer, closer: [])
            }
        }
        #expect(asked == 20)
        #expect(lookup.result.count == 20)
    }

    @Test func `who cannot be reached gives way to the next`() throws {
        var lookup = try Self.lookup(1...30)
        var failures = 0
        while !lookup.isFinished {
            for record in lookup.next() {
                if failures < 12 {
                    failures += 1
                    lookup.failed(record.peer)
                } else {
                    lookup.answered(record.peer, closer: [])
                }
            }
        }
        #expect(lookup.result.count == 18)
    }

    @Test func `nobody reachable is an empty result`() throws {
        var lookup = try Self.lookup(1...3)
        for record in lookup.next() { lookup.failed(record.peer) }
        #expect(lookup.isFinished)
        #expect(lookup.result.isEmpty)
        let none = try Self.lookup([])
        #expect(none.isFinished)
    }

    @Test func `peers that invent nearer and nearer peers are not followed for ever`() throws {
        var lookup = try Self.lookup(1...3)
        var invented = 100_000
        var rounds = 0
        while !lookup.isFinished {
            rounds += 1
            for record in lookup.next() {
                let closer = try (0..<1000).map { try Samples.record(invented + $0) }
                invented += 1000
                lookup.answered(record.peer, closer: closer)
            }
        }
        #expect(lookup.requestCount <= 200)
        #expect(lookup.heard.count <= 512)
    }

    @Test func `answers from strangers, a second time, or with ourselves change nothing`() throws {
        var lookup = try Self.lookup(1...3)
        let asked = lookup.next()
        lookup.answered(try Samples.peer(77), closer: [try Samples.record(78)])
        lookup.answered(
            asked[0].peer, closer: [try Samples.record(0), PeerRecord(peer: try Samples.peer(5), addresses: [])])
        lookup.answered(asked[0].peer, closer: [try Samples.record(9)])
        lookup.failed(asked[0].peer)
        #expect(lookup.heard.count == 3)
    }

    @Test func `once stopped it asks nobody`() throws {
        var lookup = try Self.lookup(1...30)
        let asked = lookup.next()
        lookup.stop()
        for record in asked { lookup.answered(record.peer, closer: []) }
        let more = lookup.next()
        #expect(more.isEmpty && lookup.isFinished)
    }
}

struct SweepTests {
    static func records(_ count: Int) throws -> [PeerRecord] { try (1...count).map { try Samples.record($0) } }

    static func nearest(_ records: [PeerRecord], _ point: KeyspacePoint) -> [PeerRecord] {
        records.map { ($0, KeyspacePoint($0.peer).distance(to: point)) }.sorted { $0.1 < $1.1 }.map(\.0)
    }

    /// Goes round until nothing is due; returns who was told what, and the number of look-ups.
    static func round(
        _ sweep: inout ProvideSweep, _ records: [PeerRecord], now: Duration
    ) -> (told: [ContentKey: Set<PeerID>], lookups: Int) {
        var told: [ContentKey: Set<PeerID>] = [:]
        var lookups = 0
        while let target = sweep.nextTarget(now: now) {
            lookups += 1
            let nearest = Self.nearest(records, target.point)
            for assignment in sweep.assign(
                around: target, nearest: Array(nearest.prefix(20)), known: Array(nearest.prefix(60)), now: now)
            {
                for key in assignment.keys { told[key, default: []].insert(assignment.peer.peer) }
            }
        }
        return (told, lookups)
    }

    @Test func `in a small cluster one look-up tells everybody everything`() throws {
        var sweep = ProvideSweep()
        let records = try Self.records(15)
        for number in 0..<500 { sweep.add(ContentKey(text: "\(number)"), now: .zero) }
        let (told, lookups) = Self.round(&sweep, records, now: .zero)
        #expect(lookups == 1)
        #expect(told.count == 500 && told.values.allSatisfy { $0.count == 15 })
    }

    @Test func `in a large one every key reaches its nearest peers, with few look-ups`() throws {
        var sweep = ProvideSweep()
        let records = try Self.records(1000)
        let keys = (0..<3000).map { ContentKey(text: "\($0)") }
        for key in keys { sweep.add(key, now: .zero) }
        let (told, lookups) = Self.round(&sweep, records, now: .zero)
        #expect(told.count == 3000)
        #expect(lookups < 300, "\(lookups) look-ups for 1000 peers and 3000 keys")
        for key in keys.prefix(200) {
            // A finder ends at the 3 nearest; it asks up to 20.
            let nearest = Self.nearest(records, key.point).prefix(3).map(\.peer)
            #expect(told[key]?.isSuperset(of: nearest) == true)
            #expect(told[key]?.count == 20)
        }
    }

    @Test func `a key is told again after 15 minutes, and not when it was withdrawn`() throws {
        var sweep = ProvideSweep()
        let records = try Self.records(5)
        let (kept, withdrawn) = (ContentKey(text: "kept"), ContentKey(text: "withdrawn"))
        sweep.add(kept, now: .zero)
        sweep.add(withdrawn, now: .zero)
        let first = Self.round(&sweep, records, now: .zero)
        #expect(first.told.count == 2)
        #expect(sweep.nextTarget(now: .seconds(899)) == nil)
        sweep.remove(withdrawn)
        let second = Self.round(&sweep, records, now: .seconds(900))
        #expect(Array(second.told.keys) == [kept])
        #expect(sweep.nextDue == .seconds(1800))
    }

    @Test func `where nobody could be told it is tried again soon`() throws {
        var sweep = ProvideSweep()
        let key = ContentKey(text: "key")
        sweep.add(key, now: .zero)
        let assignments = sweep.assign(around: key, nearest: [], known: [], now: .zero)
        #expect(assignments.isEmpty)
        #expect(sweep.nextDue == .seconds(30))
        sweep.hasten(now: .seconds(5))
        #expect(sweep.nextTarget(now: .seconds(5)) == key)
    }

    @Test func `keys are bounded`() {
        var limits = ProvideSweep.Limits()
        limits.keys = 2
        var sweep = ProvideSweep(limits)
        let added = ["a", "b", "c", "a"].map { sweep.add(ContentKey(text: $0), now: .zero) }
        #expect(added == [true, true, false, true], "what is there stays")
    }
}
