package import LibP2P
package import Logging
package import PeerRouting
internal import ServiceLifecycle
internal import Synchronization

/// Spegel's distributed hash table: who has what, among peers that need no server.
///
/// Everything it does unasked happens in ``run()``: joining, looking after its table, telling peers what we have,
/// forgetting. Look-ups run in their caller's task.
package final class KademliaRouter: PeerRouting, KademliaNode, Service {
    let network: any KademliaNetwork
    let configuration: KademliaConfiguration
    let clock: any RoutingClock
    let logger: Logger
    let state: Mutex<KademliaState>
    private let bootstrap: [any BootstrapSource]
    private let candidates: AsyncStream<PeerRecord>
    private let candidateContinuation: AsyncStream<PeerRecord>.Continuation
    /// Wakes the sweep when there are new keys, and the bootstrap when the last peer is gone.
    let sweepSignal = Signal()
    let bootstrapSignal = Signal()
    let refreshSignal = Signal()
    let healingSignal = Signal()
    private let isOnline = Mutex(false)
    let metrics = RoutingMetrics()

    /// - Parameter bootstrap: where to find the first peers; with none, peers have to find us.
    package init(
        network: any KademliaNetwork, bootstrap: [any BootstrapSource],
        configuration: KademliaConfiguration = KademliaConfiguration(), clock: any RoutingClock = SystemRoutingClock(),
        logger: Logger
    ) {
        self.network = network
        self.bootstrap = bootstrap
        self.configuration = configuration
        self.clock = clock
        self.logger = logger
        state = Mutex(KademliaState(own: network.own, configuration: configuration))
        // More than these wait for the next refresh, which sees everybody who is connected.
        (candidates, candidateContinuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingOldest(256))
        network.attach(self)
    }

    /// Takes part until a graceful shutdown or cancellation.
    package func run() async {
        await withDiscardingTaskGroup { group in
            group.addTask { await self.admitCandidates() }
            group.addTask { await self.keepBootstrapped(self.bootstrap) }
            group.addTask { await self.keepRefreshed() }
            group.addTask { await self.keepHealing() }
            group.addTask { await self.keepProviding() }
            group.addTask { await self.keepForgetting() }
            // Returns where the caller is cancelled, too.
            try? await gracefulShutdown()
            group.cancelAll()
        }
    }

    // MARK: PeerRouting

    package var isReady: Bool { isOnline.withLock { $0 } && state.withLock { $0.table.count } > 0 }

    package func lookUp(
        _ key: RoutingKey, limit: Int, found: @escaping @Sendable (ContentPeer) -> Void
    ) async throws {
        precondition(limit > 0)
        let collector = ProviderCollector(own: network.own, limit: limit)
        let start = clock.now()
        defer {
            metrics.countLookup(isFound: !collector.isEmpty, isCancelled: Task.isCancelled, took: clock.now() - start)
        }
        _ = try await lookUp(ContentKey(key), collector, found: found)
    }

    /// - Returns: the look-up as it ended; nil where nobody had to be asked.
    func lookUp(
        _ key: ContentKey, _ collector: ProviderCollector, found: @escaping @Sendable (ContentPeer) -> Void
    ) async throws -> Lookup? {
        let (local, lookup) = state.withLock { state in
            (
                // By chance: the oldest records are those of nodes that an upgrade has replaced, and of all who ask nobody
                // is to be the first for everybody.
                state.providers.providers(at: key.point, now: clock.now()).shuffled(using: &state.chance),
                state.lookup(key.point, limits: configuration.lookup)
            )
        }
        for peer in collector.take(local) { found(peer) }
        guard !collector.isFull else { return nil }
        guard !lookup.heard.isEmpty else {
            guard collector.isEmpty else { return nil }
            throw PeerRoutingError.noPeers
        }
        return try await driver.perform(lookup, request: KademliaMessage(.getProviders, key: key.multihash)) { answer in
            for peer in collector.take(answer.providerPeers) { found(peer) }
            return collector.isFull
        }
    }

    package func advertise(_ keys: Set<RoutingKey>) {
        let refused = state.withLock { state in
            let now = clock.now()
            return keys.count { !state.sweep.add(ContentKey($0), now: now) }
        }
        if refused > 0 {
            logger.warning("too many keys to advertise", metadata: ["refused": "\(refused)"])
        }
        sweepSignal.send()
    }

    package func withdraw(_ keys: Set<RoutingKey>) {
        state.withLock { state in for key in keys { state.sweep.remove(ContentKey(key)) } }
    }

    /// Tells every key again, now: records of ours lead to where we were.
    package func tellAgain() {
        state.withLock { $0.hasten(now: clock.now()) }
        sweepSignal.send()
    }

    // MARK: KademliaNode

    package func reply(to request: KademliaMessage, from peer: PeerID) -> KademliaState.Reply {
        metrics.countReceived(request.kind)
        let (reply, isBack) = state.withLock { state in
            let now = clock.now()
            let reply = state.reply(to: request, from: peer, ownAddresses: network.ownAddresses, now: now) {
                network.addresses(of: $0)
            }
            return (reply, state.lost.heard(peer, now: now))
        }
        if isBack { healingSignal.send() }
        return reply
    }

    package func peerAppeared(_ peer: PeerRecord) { candidateContinuation.yield(peer) }

    // MARK: The table

    var driver: LookupDriver {
        LookupDriver(
            network: network, requestTimeout: configuration.requestTimeout, patience: configuration.lookupPatience,
            clock: clock
        ) { [weak self] answer in
            if answer.isLate {
                self?.suspect(answer.record)
            } else {
                self?.noteOutcome(answer.record, answeredAfter: answer.message == nil ? nil : answer.time)
            }
        }
    }

    private func suspect(_ record: PeerRecord) {
        metrics.countSent(isAnswered: false)
        state.withLock { $0.suspect(record, now: clock.now()) }
        healingSignal.send()
    }

    private func noteOutcome(_ record: PeerRecord, answeredAfter time: Duration?) {
        metrics.countSent(isAnswered: time != nil)
        // What a peer says of itself counts, and not what others say of it.
        let own = network.addresses(of: record.peer)
        let record = own.isEmpty ? record : record.at(own)
        let now = clock.now()
        let (outcome, isHastened) = state.withLock { state in
            (state.note(record, answeredAfter: time, now: now), state.hastenAfterGrowth(now: now))
        }
        if isHastened { sweepSignal.send() }
        if time == nil {
            healingSignal.send()
            bootstrapSignal.send()
        }
        switch outcome {
        case .unchanged: break
        case .firstPeer: refreshSignal.send()
        case .nobodyLeft:
            isOnline.withLock { $0 = false }
            bootstrapSignal.send()
        }
    }

    /// Asks new peers whether they will do, some at a time.
    private func admitCandidates() async {
        await withTaskGroup(of: Void.self) { group in
            var running = 0
            for await candidate in candidates {
                guard state.withLock({ $0.isWanted(candidate, now: clock.now()) }) else { continue }
                if running >= configuration.admissionConcurrency {
                    await group.next()
                    running -= 1
                }
                running += 1
                group.addTask { await self.admit(candidate) }
            }
        }
    }

    /// Takes `peer` into the table if it answers a request for itself, which is how Go asks us.
    func admit(_ peer: PeerRecord) async {
        let request = KademliaMessage(.findNode, key: peer.peer.bytes)
        let answer = await driver.ask(peer, request)
        guard !Task.isCancelled else { return }
        noteOutcome(peer, answeredAfter: answer.message == nil ? nil : answer.time)
    }

    func setOnline(_ value: Bool) {
        let wasOnline = isOnline.withLock { online in
            defer { online = value }
            return online
        }
        guard value, !wasOnline else { return }
        logger.info("joined the peers", metadata: ["known": "\(state.withLock { $0.table.count })"])
        // Nobody was there to be told before.
        tellAgain()
    }

    package var status: KademliaStatus {
        let isReady = isReady
        return state.withLock { state in
            KademliaStatus(
                entries: state.table.entries, now: clock.now(), advertisedKeys: state.sweep.count,
                untoldKeys: state.sweep.untoldCount, recordCount: state.providers.recordCount,
                providerCount: state.providers.providerCount,
                isReady: isReady)
        }
    }
}

/// What a node can tell of its part in the network.
package struct KademliaStatus: Sendable {
    /// The routing table.
    package let entries: [RoutingTable.Entry]
    /// Of the clock that their times are of.
    package let now: Duration
    package let advertisedKeys: Int
    /// Keys of which nobody was told yet.
    package let untoldKeys: Int
    /// Records that others gave us, and who they are.
    package let recordCount: Int
    package let providerCount: Int
    package let isReady: Bool

    package var peers: [PeerRecord] { entries.map(\.record) }
}
