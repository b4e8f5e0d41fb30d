package import KademliaRouting
package import LibP2P
internal import Synchronization

/// One peer's way to the others of its ``Swarm``.
package final class InProcessNetwork: KademliaNetwork {
    private struct Attached: @unchecked Sendable {
        // Protected by the mutex around it.
        weak var node: (any KademliaNode)?
    }

    package let record: PeerRecord
    private let swarm: Swarm
    private let node = Mutex(Attached())
    private let connected = Mutex<[PeerID: PeerRecord]>([:])
    /// Peers that have not said yet who they are, as a busy node hears of them late; nil where it does not wait.
    private let held = Mutex<[PeerRecord]?>(nil)

    init(_ record: PeerRecord, _ swarm: Swarm) {
        self.record = record
        self.swarm = swarm
    }

    package var own: PeerID { record.peer }
    package var ownAddresses: [Multiaddr] { record.addresses }

    package func request(_ request: KademliaMessage, to peer: PeerRecord) async throws -> KademliaMessage {
        await Task.yield()
        // Both ways through bytes, as on the wire.
        guard case .message(let answer) = try deliver(try KademliaMessage(request.bytes), to: peer.peer) else {
            throw StreamError.reset(code: 0)
        }
        return try KademliaMessage(answer.bytes)
    }

    package func send(_ messages: [KademliaMessage], to peer: PeerRecord) async throws {
        await Task.yield()
        for message in messages where try deliver(message, to: peer.peer) != .silence {
            throw StreamError.reset(code: 0)
        }
    }

    package func connect(toAnyoneAt addresses: [Multiaddr]) async throws -> PeerID {
        guard let address = addresses.first?.withoutPeer else { throw ConnectionError.noAddress }
        let peer = try swarm.peer(at: address)
        try meet(try swarm.reach(peer, from: own))
        return peer
    }

    package func addresses(of peer: PeerID) -> [Multiaddr] { connected.withLock { $0[peer]?.addresses ?? [] } }

    package func connectedPeers() -> [PeerRecord] { connected.withLock { Array($0.values) } }

    package func attach(_ node: any KademliaNode) { self.node.withLock { $0.node = node } }

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
    package func holdAppearances() { held.withLock { $0 = $0 ?? [] } }

    package func releaseAppearances() {
        let peers = held.withLock { held in
            defer { held = nil }
            return held ?? []
        }
        for peer in peers { node.withLock { $0.node }?.peerAppeared(peer) }
    }
}
