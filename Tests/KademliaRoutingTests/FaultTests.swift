import InProcessPeers
import LibP2P
import Logging
import NIOCore
import NIOPosix
import PeerRouting
import Synchronization
import Testing

@testable import KademliaRouting

/// Peers that are there and misbehave, over real connections.
@Suite(.serialized, .timeLimit(.minutes(1)))
struct FaultTests {
    static let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    static func host(
        _ identity: Identity? = nil, _ change: (inout HostConfiguration) -> Void = { _ in }
    ) throws -> Host {
        var configuration = HostConfiguration()
        configuration.listen = [try Multiaddr("/ip4/127.0.0.1/tcp/0")]
        configuration.advertisesLoopback = true
        change(&configuration)
        return Host(identity: try identity ?? Identity(), configuration: configuration, logger: logger)
    }

    static func router(_ host: Host, _ change: (inout KademliaConfiguration) -> Void = { _ in }) -> KademliaRouter {
        var configuration = KademliaConfiguration()
        configuration.requestTimeout = .seconds(1)
        change(&configuration)
        return KademliaRouter(
            network: HostNetwork(host), bootstrap: [], configuration: configuration, logger: logger)
    }

    /// Runs hosts and routers while `body` does.
    static func with(
        hosts: [Host], routers: [KademliaRouter], _ body: @Sendable () async throws -> Void
    ) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for host in hosts { group.addTask { try await host.run() } }
            for host in hosts { _ = try await host.boundAddresses() }
            for router in routers { group.addTask { await router.run() } }
            defer { group.cancelAll() }
            try await body()
        }
    }

    static func record(_ host: Host) -> PeerRecord {
        PeerRecord(peer: host.peerID, addresses: host.advertisedAddresses)
    }

    /// Connections that say nothing; fewer than `count` where some are refused.
    private static func connections(_ count: Int, port: Int) async -> [any Channel] {
        await withTaskGroup(of: (any Channel)?.self) { group in
            for _ in 0..<count {
                group.addTask {
                    try? await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                        .connect(host: "127.0.0.1", port: port).get()
                }
            }
            var channels: [any Channel] = []
            for await channel in group { if let channel { channels.append(channel) } }
            return channels
        }
    }

    @Test func `who never answers is not taken in, and keeps no look-up longer than one request`() async throws {
        let (ours, silent) = (try Self.host(), try Self.host())
        silent.handle(KademliaMessage.protocolID) { _ in try await Task.sleep(for: .seconds(3600)) }
        let router = Self.router(ours)
        try await Self.with(hosts: [ours, silent], routers: [router]) {
            await router.admit(Self.record(silent))
            #expect(router.status.peers.isEmpty)
            // Even if it were in the table.
            router.state.withLock { _ = $0.table.add(Self.record(silent), now: .zero) }
            let start = ContinuousClock.now
            let found = try await HostNetworkTests.find("a:1", from: router)
            #expect(found.isEmpty)
            // Where the look-up did not wait for the request's end, the table hears of it a little later.
            try await HostNetworkTests.until { router.status.peers.isEmpty }
            #expect(ContinuousClock.now - start < .seconds(10))
        }
    }

    @Test func `who answers slowly is waited for, and its time is known`() async throws {
        let (ours, slow) = (try Self.host(), try Self.host())
        let theirs = try ContentKey(Cluster.key("a:1"))
        let third = try Samples.record(9)
        slow.handle(KademliaMessage.protocolID) { stream in
            var messages = MessageStream(stream, limitBytes: 4096)
            while let bytes = try await messages.next() {
                let request = try KademliaMessage(bytes)
                try await Task.sleep(for: .milliseconds(50))
                let providers = request.key == theirs.multihash ? [third] : []
                try await messages.send(KademliaMessage(request.kind, providerPeers: providers).bytes)
            }
        }
        let router = Self.router(ours) { $0.requestTimeout = .seconds(10) }
        try await Self.with(hosts: [ours, slow], routers: [router]) {
            await router.admit(Self.record(slow))
            let entry = try #require(router.status.entries.first)
            let time = try #require(entry.answerTime)
            #expect(time >= .milliseconds(50))
            let found = try await HostNetworkTests.find("a:1", from: router)
            #expect(found.map(\.identifier) == ["\(third.peer)"])
        }
    }

    @Test func `a flood of records meets its bound, and what others told stays`() async throws {
        let (ours, flooding) = (try Self.host(), try Self.host())
        let router = Self.router(ours) { $0.providers.keysPerProvider = 50 }
        try await Self.with(hosts: [ours, flooding], routers: [router]) {
            let kept = ContentKey(text: "kept")
            router.state.withLock { state in
                if let record = try? Samples.record(1) { state.providers.add(record, at: kept.point, now: .zero) }
            }
            let own = Self.record(flooding)
            let messages = (0..<2000).map {
                KademliaMessage(.addProvider, key: ContentKey(text: "flood \($0)").multihash, providerPeers: [own])
            }
            try await HostNetwork(flooding).send(messages, to: Self.record(ours))
            #expect(router.status.recordCount == 51)
            #expect(router.state.withLock { $0.providers.providers(at: kept.point, now: .zero).count } == 1)
        }
    }

    @Test func `no holder of a key is always named first`() async throws {
        let router = Self.router(try Self.host())
        let key = try Cluster.key("a:1")
        try router.state.withLock { state in
            for number in 1...10 {
                state.providers.add(try Samples.record(number), at: ContentKey(key).point, now: .zero)
            }
        }
        let named = Mutex<Set<String>>([])
        for _ in 0..<40 {
            try await router.lookUp(key, limit: 3) { peer in named.withLock { _ = $0.insert(peer.identifier) } }
        }
        #expect(named.withLock { $0.count } == 10)
    }

    @Test func `who lies about where others are misleads nobody`() async throws {
        let (ours, liar, honest) = (try Self.host(), try Self.host(), try Self.host())
        let victim = try Identity().peerID
        let router = Self.router(ours)
        let honestRouter = Self.router(honest)
        liar.handle(KademliaMessage.protocolID) { stream in
            var messages = MessageStream(stream, limitBytes: 4096)
            while let bytes = try await messages.next() {
                let request = try KademliaMessage(bytes)
                let lies = [
                    // The honest peer's address under another's name, our own, and nobody's.
                    PeerRecord(peer: victim, addresses: honest.advertisedAddresses),
                    PeerRecord(peer: try Samples.peer(2), addresses: ours.advertisedAddresses),
                    PeerRecord(peer: try Samples.peer(3), addresses: [try Multiaddr("/ip4/127.0.0.1/tcp/1")]),
                    PeerRecord(peer: ours.peerID, addresses: [try Multiaddr("/ip4/192.0.2.1/tcp/1")]),
                    // And the truth, which is found among them.
                    Self.record(honest),
                ]
                try await messages.send(KademliaMessage(request.kind, closerPeers: lies).bytes)
            }
        }
        try await Self.with(hosts: [ours, liar, honest], routers: [router, honestRouter]) {
            await router.admit(Self.record(liar))
            honestRouter.state.withLock { state in
                if let key = try? ContentKey(Cluster.key("a:1")) { state.sweep.add(key, now: .zero) }
            }
            let found = try await HostNetworkTests.find("a:1", from: router)
            #expect(found.map(\.identifier) == ["\(honest.peerID)"])
            #expect(Set(router.status.peers.map(\.peer)) == [liar.peerID, honest.peerID])
        }
    }

    @Test func `a peer that comes back as another is known as the other alone`() async throws {
        let ours = try Self.host()
        let router = Self.router(ours)
        try await Self.with(hosts: [ours], routers: [router]) {
            let first = try Self.host()
            var address: [Multiaddr] = []
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await first.run() }
                address = try await first.boundAddresses()
                let theirs = Self.router(first)
                group.addTask { await theirs.run() }
                await router.admit(PeerRecord(peer: first.peerID, addresses: address))
                #expect(router.status.peers.map(\.peer) == [first.peerID])
                group.cancelAll()
            }
            let listen = address
            let second = try Self.host { $0.listen = listen }
            let theirs = Self.router(second)
            try await Self.with(hosts: [second], routers: [theirs]) {
                try await HostNetworkTests.until { !ours.isConnected(to: first.peerID) }
                await router.admit(PeerRecord(peer: first.peerID, addresses: listen))
                #expect(router.status.peers.isEmpty)
                let peer = try await ours.connect(toAnyoneAt: listen).peer
                #expect(peer == second.peerID)
                try await HostNetworkTests.until { router.status.peers.map(\.peer) == [second.peerID] }
            }
        }
    }

    @Test func `a thousand connections at once are bounded, and leave room afterwards`() async throws {
        let ours = try Self.host { $0.handshakeLimit = 32 }
        let friend = try Self.host()
        try await Self.with(hosts: [ours, friend], routers: []) {
            let port = try #require(ours.listenAddresses.first?.endpoint?.port)
            var channels: [any Channel] = []
            for _ in 0..<10 {
                channels += await Self.connections(100, port: port)
            }
            #expect(channels.count > 900)
            // Those that may not even begin their handshake are closed at once.
            let opened = channels
            try await HostNetworkTests.until { opened.count(where: \.isActive) <= 32 }
            #expect(ours.connectionCount == 0)
            for channel in opened { channel.close(promise: nil) }
            let deadline = ContinuousClock.now + .seconds(20)
            while ContinuousClock.now < deadline {
                if (try? await friend.connect(to: ours.peerID, at: ours.advertisedAddresses)) != nil { break }
            }
            #expect(friend.isConnected(to: ours.peerID))
        }
    }
}
