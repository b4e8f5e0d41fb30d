import LibP2P
import Synchronization

@testable import KademliaRouting

/// Peers of one process that call each other, and can be cut off.
final class Swarm: Sendable {
    private struct State {
        var networks: [PeerID: InProcessNetwork] = [:]
        var byAddress: [Multiaddr: PeerID] = [:]
        var isDown: Set<PeerID> = []
        /// Reaches nobody outside, and nobody outside reaches it.
        var island: Set<PeerID> = []
    }

    private let state = Mutex(State())
    let requestCount = Atomic<Int>(0)

    func join(_ number: Int) throws -> InProcessNetwork {
        let record = try Samples.record(number)
        let network = InProcessNetwork(record, self)
        state.withLock { state in
            state.networks[record.peer] = network
            for address in record.addresses { state.byAddress[address] = record.peer }
        }
        return network
    }

    func setDown(_ peer: PeerID, _ isDown: Bool) {
        state.withLock { state in
            if isDown { state.isDown.insert(peer) } else { state.isDown.remove(peer) }
        }
    }

    /// Cuts the network in two; an empty island heals it.
    func cut(_ island: Set<PeerID>) { state.withLock { $0.island = island } }

    fileprivate func reach(_ peer: PeerID, from caller: PeerID) throws -> InProcessNetwork {
        requestCount.add(1, ordering: .relaxed)
        return try state.withLock { state in
            guard let network = state.networks[peer], !state.isDown.contains(peer), !state.isDown.contains(caller),
                state.island.contains(peer) == state.island.contains(caller)
            else { throw ConnectionError.unreachable(reason: "down") }
            return network
        }
    }

    fileprivate func peer(at address: Multiaddr) throws -> PeerID {
        guard let peer = state.withLock({ $0.byAddress[address] }) else { throw ConnectionError.noAddress }
        return peer
    }
}

final class InProcessNetwork: KademliaNetwork {
    private struct Attached: @unchecked Sendable {
        // Protected by the mutex around it.
        weak var node: (any KademliaNode)?
    }

    let record: PeerRecord
    private let swarm: Swarm
    private let node = Mutex(Attached())
    private let connected = Mutex<[PeerID: PeerRecord]>([:])
    /// Peers that have not said yet who they are, as a busy node hears of them late; nil where it does not wait.
    private let held = Mutex<[PeerRecord]?>(nil)

    init(_ record: PeerRecord, _ swarm: Swarm) {
        self.record = record
        self.swarm = swarm
    }

    var own: PeerID { record.peer }
    var ownAddresses: [Multiaddr] { record.addresses }

    func request(_ request: KademliaMessage, to peer: PeerRecord) async throws -> KademliaMessage {
        await Task.yield()
        // Both ways through bytes, as on the wire.
        guard case .message(let answer) = try deliver(try KademliaMessage(request.bytes), to: peer.peer) else {
            throw StreamError.reset(code: 0)
        }
        return try KademliaMessage(answer.bytes)
    }

    func send(_ messages: [KademliaMessage], to peer: PeerRecord) async throws {
        await Task.yield()
        for message in messages where try deliver(message, to: peer.peer) != .silence {
            throw StreamError.reset(code: 0)
        }
    }

    func connect(toAnyoneAt addresses: [Multiaddr]) async throws -> PeerID {
        guard let address = addresses.first?.withoutPeer else { throw ConnectionError.noAddress }
        let peer = try swarm.peer(at: address)
        try meet(try swarm.reach(peer, from: own))
        return peer
    }

    func addresses(of peer: PeerID) -> [Multiaddr] { connected.withLock { $0[peer]?.addresses ?? [] } }

    func connectedPeers() -> [PeerRecord] { connected.withLock { Array($0.values) } }

    func attach(_ node: any KademliaNode) { self.node.withLock { $0.node = node } }

    private func deliver(_ message: KademliaMessage, to peer: PeerID) throws -> KademliaState.Reply {
        let other = try swarm.reach(peer, from: own)
        try meet(other)
        guard let node = other.node.withLock({ $0.node }) else { throw ConnectionError.closed }
        return node.reply(to: message, from: own)
    }

    /// As identify does: both learn of each other, once.
    private func meet(_ other: InProcessNetwork) throws {
        guard other.own != own else { throw ConnectionError.ownAddress }
        learn(other.record)
        other.learn(record)
    }

    private func learn(_ peer: PeerRecord) {
        let isNew = connected.withLock { $0.updateValue(peer, forKey: peer.peer) == nil }
        guard isNew else { return }
        let isHeld = held.withLock { held in
            held?.append(peer)
            return held != nil
        }
        if !isHeld { node.withLock { $0.node }?.peerAppeared(peer) }
    }

    /// Keeps back who appears, until ``releaseAppearances()``.
    func holdAppearances() { held.withLock { $0 = $0 ?? [] } }

    func releaseAppearances() {
        let peers = held.withLock { held in
            defer { held = nil }
            return held ?? []
        }
        for peer in peers { node.withLock { $0.node }?.peerAppeared(peer) }
    }
}
