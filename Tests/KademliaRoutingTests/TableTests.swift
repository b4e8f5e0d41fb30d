import InProcessPeers
import LibP2P
import Testing

@testable import KademliaRouting

struct TableTests {
    @Test func `the nearest are the nearest, whatever bucket they are in`() throws {
        let own = try Samples.peer(0)
        var table = RoutingTable(own: own)
        for number in 1...400 { _ = table.add(try Samples.record(number), now: .zero) }
        let members = table.entries.map(\.record.peer)
        #expect(members.count == table.count && table.count < 400)
        for number in 500..<560 {
            let target = KeyspacePoint(try Samples.peer(number))
            let expected = members.sorted {
                KeyspacePoint($0).distance(to: target) < KeyspacePoint($1).distance(to: target)
            }.prefix(20)
            #expect(table.nearest(to: target, count: 20).map(\.peer) == Array(expected))
        }
        let toOwn = members.sorted {
            KeyspacePoint($0).distance(to: KeyspacePoint(own)) < KeyspacePoint($1).distance(to: KeyspacePoint(own))
        }.prefix(20)
        #expect(table.nearest(to: KeyspacePoint(own), count: 20).map(\.peer) == Array(toOwn))
    }

    @Test func `a full bucket keeps those who answer, and gives up who has not for long`() throws {
        let own = try Samples.peer(0)
        var table = RoutingTable(own: own, graceTime: .seconds(100))
        let far = try (1...2000).map { try Samples.record($0) }.filter {
            KeyspacePoint($0.peer).commonPrefixLength(with: KeyspacePoint(own)) == 0
        }
        for record in far.prefix(20) { #expect(table.add(record, now: .zero) == .added) }
        #expect(table.add(far[20], now: .seconds(99)) == .refused)
        #expect(table.add(far[0], now: .seconds(99)) == .renewed)
        guard case .replaced(let gone) = table.add(far[20], now: .seconds(100)) else {
            Issue.record("nobody gave way")
            return
        }
        #expect(gone != far[0].peer)
        #expect(table.count == 20)
        #expect(table.entry(gone) == nil)
        let removals = [table.remove(far[20]), table.remove(far[20])]
        #expect(removals == [true, false])
        #expect(table.silent(for: .seconds(50), now: .seconds(120)).count == 18)
    }

    @Test func `we are not in our own table`() throws {
        let own = try Samples.record(0)
        var table = RoutingTable(own: own.peer)
        #expect(table.add(own, now: .zero) == .refused)
        #expect(table.count == 0)
    }
}

struct ProviderStoreTests {
    static let point = ContentKey(text: Samples.nginx).point

    @Test func `a record counts for 19 minutes since it was last given`() throws {
        var store = ProviderStore()
        let record = try Samples.record(1)
        var isTaken = store.add(record, at: Self.point, now: .zero)
        #expect(isTaken)
        #expect(store.providers(at: Self.point, now: .seconds(19 * 60 - 1)) == [record])
        #expect(store.providers(at: Self.point, now: .seconds(19 * 60)) == [])
        isTaken = store.add(record, at: Self.point, now: .seconds(600))
        #expect(isTaken)
        #expect(store.recordCount == 1)
        store.expire(now: .seconds(19 * 60))
        #expect(store.providers(at: Self.point, now: .seconds(19 * 60)) == [record])
        store.expire(now: .seconds(600 + 19 * 60))
        #expect(store.recordCount == 0 && store.keyCount == 0 && store.providerCount == 0)
    }

    @Test func `floods meet their bounds, and leave what was there`() throws {
        var limits = ProviderStore.Limits()
        limits.providersPerKey = 3
        limits.keysPerProvider = 10
        limits.records = 20
        limits.providers = 5
        var store = ProviderStore(limits)
        for number in 0..<10 { store.add(try Samples.record(number), at: Self.point, now: .zero) }
        #expect(store.providers(at: Self.point, now: .zero).count == 3)
        for number in 0..<100 {
            store.add(try Samples.record(0), at: ContentKey(text: "key \(number)").point, now: .zero)
        }
        #expect(store.recordCount == 12)
        for number in 0..<100 {
            store.add(try Samples.record(number), at: ContentKey(text: "other \(number)").point, now: .zero)
        }
        #expect(store.recordCount <= 20 && store.providerCount <= 5)
        #expect(store.providers(at: Self.point, now: .zero).map(\.peer).contains(try Samples.peer(0)))
    }

    @Test func `a provider's new address counts for all it has`() throws {
        var store = ProviderStore()
        var record = try Samples.record(1)
        store.add(record, at: Self.point, now: .zero)
        record.addresses = [try Multiaddr("/ip4/10.9.9.9/tcp/5001")]
        store.add(record, at: ContentKey(text: "other").point, now: .zero)
        #expect(store.providers(at: Self.point, now: .zero) == [record])
    }
}

struct ReplyTests {
    static let key = ContentKey(text: Samples.nginx)

    private func state(_ count: Int = 30) throws -> KademliaState {
        var state = KademliaState(own: try Samples.peer(0))
        for number in 1...count { _ = state.table.add(try Samples.record(number), now: .zero) }
        return state
    }

    private func reply(
        _ state: inout KademliaState, _ request: KademliaMessage, from number: Int = 99
    ) throws -> KademliaState.Reply {
        state.reply(
            to: request, from: try Samples.peer(number), ownAddresses: try Samples.record(0).addresses, now: .zero,
            addresses: { _ in [] })
    }

    @Test func `who looks for us finds us first, and itself never among the nearest`() throws {
        var state = try state()
        let answer = try #require(
            try reply(&state, KademliaMessage(.findNode, key: try Samples.peer(0).bytes), from: 5).message)
        #expect(answer.closerPeers.first == (try Samples.record(0)))
        #expect(answer.closerPeers.count == 21)
        #expect(!answer.closerPeers.contains { $0.peer == (try? Samples.peer(5)) })
        let own = try #require(
            try reply(&state, KademliaMessage(.findNode, key: try Samples.peer(5).bytes), from: 5).message)
        #expect(own.closerPeers.first == (try Samples.record(5)), "except where it asks for itself")
    }

    @Test func `a record is taken from its owner alone, and given to everybody`() throws {
        var state = try state()
        let request = KademliaMessage(.addProvider, key: Self.key.multihash, providerPeers: [try Samples.record(7)])
        #expect(try reply(&state, request, from: 8) == .reset)
        #expect(try reply(&state, request, from: 7) == .silence)
        let bare = KademliaMessage(
            .addProvider, key: Self.key.multihash, providerPeers: [PeerRecord(peer: try Samples.peer(6), addresses: [])]
        )
        #expect(try reply(&state, bare, from: 6) == .reset, "a provider without address is of no use")
        state.sweep.add(Self.key, now: .zero)
        let answer = try #require(
            try reply(&state, KademliaMessage(.getProviders, key: Self.key.multihash)).message)
        #expect(Set(answer.providerPeers) == [try Samples.record(0), try Samples.record(7)])
        #expect(answer.key == Self.key.multihash)
        #expect(answer.closerPeers.count == 20)
    }

    @Test func `what we do not serve resets the stream, and a ping comes back`() throws {
        var state = try state()
        #expect(try reply(&state, KademliaMessage(.getValue, key: [1])) == .reset)
        #expect(try reply(&state, KademliaMessage(.putValue, key: [1])) == .reset)
        #expect(try reply(&state, KademliaMessage(.getProviders)) == .reset)
        #expect(try reply(&state, KademliaMessage(.ping)) == .message(KademliaMessage(.ping)))
    }
}

extension KademliaState.Reply {
    var message: KademliaMessage? {
        if case .message(let message) = self { message } else { nil }
    }
}
