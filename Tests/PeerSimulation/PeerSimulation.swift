internal import Crypto
internal import HostileInput
package import KademliaRouting
internal import LibP2P

/// A network of thousands of nodes in one thread, under a clock that jumps from event to event.
///
/// Tables, look-ups, records and sweep are the router's own values; only what the router does with tasks and the
/// network with sockets is done here by events. The same seed gives the same run, but for the order of Swift's tables
/// (`SWIFT_DETERMINISTIC_HASHING=1` keeps that as well).
package final class PeerSimulation {
    package struct Configuration: Sendable {
        package var nodeCount = 100
        package var keysPerNode = 10
        package var seed: UInt64 = 1
        /// Nodes start within this time.
        package var joinTime: Duration = .seconds(300)
        /// A message takes between these times to arrive.
        package var latency: ClosedRange<Double> = 0.0002...0.002
        /// How long it takes to see that a node is gone.
        package var dialTimeout: Duration = .seconds(5)
        package var connectionLimit = 192
        package var routing = KademliaConfiguration()

        package init() {}
    }

    let configuration: Configuration
    var nodes: [SimulatedNode] = []
    var numbers: [PeerID: Int] = [:]
    var statistics = SimulationStatistics()
    private var events = EventQueue()
    package private(set) var now = Duration.zero
    var generator: SeededGenerator
    let refreshKeys = RefreshKeys()
    private var aliveNumbers: [Int] = []

    package init(_ configuration: Configuration) throws {
        self.configuration = configuration
        generator = SeededGenerator(seed: configuration.seed)
        for _ in 0..<configuration.nodeCount { _ = try makeNode() }
    }

    private func makeNode() throws -> Int {
        let number = nodes.count
        let peer = try PeerID(bytes: [0x12, 0x20] + SHA256.hash(data: Array("node \(number)".utf8)))
        let address = try Multiaddr("/ip4/10.\(number >> 16 & 255).\(number >> 8 & 255).\(number & 255)/tcp/5001")
        let keys = (0..<configuration.keysPerNode).map { ContentKey(text: "content \(number) \($0)") }
        nodes.append(
            SimulatedNode(
                record: PeerRecord(peer: peer, addresses: [address]), keys: keys,
                configuration: configuration.routing, connectionLimit: configuration.connectionLimit,
                chance: Chance(seed: generator.next())))
        numbers[peer] = number
        return number
    }

    // MARK: Time

    func plan(after time: Duration, _ action: @escaping () -> Void) { events.plan(at: now + time, action) }

    /// Lets everything happen that is due up to `time`.
    package func run(until time: Duration) {
        while let (due, action) = events.next(until: time) {
            now = due
            action()
        }
        now = time
    }

    func random(upTo time: Duration) -> Duration { time * Double.random(in: 0...1, using: &generator) }

    private func latency() -> Duration { .seconds(Double.random(in: configuration.latency, using: &generator)) }

    // MARK: Nodes that come and go

    /// Has all nodes start, spread over the time to join.
    package func startAll() {
        for number in nodes.indices {
            plan(after: number == 0 ? .zero : random(upTo: configuration.joinTime)) { self.start(number) }
        }
    }

    /// Over `time`, replaces `share` of the nodes: each goes without a word, and a new one starts.
    package func churn(_ share: Double, over time: Duration) {
        let count = Int(Double(aliveNumbers.count) * share)
        for number in aliveNumbers.shuffled(using: &generator).prefix(count) {
            plan(after: random(upTo: time)) {
                self.stop(number)
                if let new = try? self.makeNode() { self.start(new) }
            }
        }
    }

    private func stop(_ number: Int) {
        nodes[number].isAlive = false
        for other in nodes[number].connected { nodes[other].disconnect(number) }
        aliveNumbers.removeAll { $0 == number }
    }

    private func start(_ number: Int) {
        let node = nodes[number]
        node.isAlive = true
        for key in node.keys { node.state.sweep.add(key, now: now) }
        // As a list of names does: a few nodes that are there, the same ones for who asks at about the same time.
        let bootstrap = aliveNumbers.prefix(3) + (aliveNumbers.randomElement(using: &generator).map { [$0] } ?? [])
        aliveNumbers.append(number)
        for other in Set(bootstrap).sorted() { admit(nodes[other].record, to: number) }
        plan(after: .milliseconds(50)) { self.refresh(number) }
        plan(after: .milliseconds(100)) { self.provide(number) }
        plan(after: .seconds(300)) { self.expire(number) }
    }

    private func expire(_ number: Int) {
        guard nodes[number].isAlive else { return }
        nodes[number].state.providers.expire(now: now)
        plan(after: .seconds(300)) { self.expire(number) }
    }

    var alive: [Int] { aliveNumbers }

    // MARK: Messages

    /// Sends a request, connecting where that is needed; `completion` gets the answer, or nil.
    func send(
        _ message: KademliaMessage, from number: Int, to record: PeerRecord,
        _ completion: @escaping (KademliaMessage?) -> Void
    ) {
        statistics.count(message.kind)
        let other = numbers[record.peer] ?? 0
        plan(after: latency()) {
            guard self.nodes[other].isAlive else {
                self.statistics.failedRequests += 1
                self.plan(after: self.configuration.dialTimeout) { completion(nil) }
                return
            }
            self.meet(number, other)
            let node = self.nodes[other]
            node.receivedCount += 1
            let reply = node.state.reply(
                to: message, from: self.nodes[number].record.peer, ownAddresses: node.record.addresses, now: self.now
            ) { peer in
                guard let known = self.numbers[peer], node.isConnected(to: known) else { return [] }
                return self.nodes[known].record.addresses
            }
            self.plan(after: self.latency()) {
                if case .message(let answer) = reply { completion(answer) } else { completion(nil) }
            }
        }
    }

    /// A new connection: both say who they are, and ask each other whether they will do.
    private func meet(_ number: Int, _ other: Int) {
        let (isNew, closed) = nodes[number].connect(other)
        if let closed { nodes[closed].disconnect(number) }
        let (_, otherClosed) = nodes[other].connect(number)
        if let otherClosed { nodes[otherClosed].disconnect(other) }
        guard isNew else { return }
        statistics.connections += 1
        plan(after: latency()) { self.appeared(other, to: number) }
        plan(after: latency()) { self.appeared(number, to: other) }
    }

    func appeared(_ other: Int, to number: Int) {
        let record = nodes[other].record
        guard nodes[number].isAlive, nodes[number].state.isWanted(record, now: now) else { return }
        admit(record, to: number)
    }

    func admit(_ record: PeerRecord, to number: Int) {
        let start = now
        send(KademliaMessage(.findNode, key: record.peer.bytes), from: number, to: record) { answer in
            self.note(record, by: number, answeredAfter: answer == nil ? nil : self.now - start)
        }
    }

    func note(_ record: PeerRecord, by number: Int, answeredAfter time: Duration?) {
        let outcome = nodes[number].state.note(record, answeredAfter: time, now: now)
        let node = nodes[number]
        if outcome == .firstPeer {
            node.state.hasten(now: now)
        } else {
            _ = node.state.hastenAfterGrowth(now: now)
        }
        if outcome == .firstPeer { plan(after: .zero) { self.refresh(number, isRepeating: false) } }
    }
}
