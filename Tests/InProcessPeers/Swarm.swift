internal import KademliaRouting
package import LibP2P
internal import Synchronization

/// Peers of one process that call each other, and can be cut off.
package final class Swarm: Sendable {
    private struct State {
        var networks: [PeerID: InProcessNetwork] = [:]
        var byAddress: [Multiaddr: PeerID] = [:]
        var isDown: Set<PeerID> = []
        /// Reaches nobody outside, and nobody outside reaches it.
        var island: Set<PeerID> = []
    }

    private let state = Mutex(State())

    package init() {}

    package func join(_ number: Int) throws -> InProcessNetwork {
        let record = try Samples.record(number)
        let network = InProcessNetwork(record, self)
        state.withLock { state in
            state.networks[record.peer] = network
            for address in record.addresses { state.byAddress[address] = record.peer }
        }
        return network
    }

    package func setDown(_ peer: PeerID, _ isDown: Bool) {
        state.withLock { state in
            if isDown { state.isDown.insert(peer) } else { state.isDown.remove(peer) }
        }
    }

    /// Cuts the network in two; an empty island heals it.
    package func cut(_ island: Set<PeerID>) { state.withLock { $0.island = island } }

    func reach(_ peer: PeerID, from caller: PeerID) throws -> InProcessNetwork {
        return try state.withLock { state in
            guard let network = state.networks[peer], !state.isDown.contains(peer), !state.isDown.contains(caller),
                state.island.contains(peer) == state.island.contains(caller)
            else { throw ConnectionError.unreachable(reason: "down") }
            return network
        }
    }

    func peer(at address: Multiaddr) throws -> PeerID {
        guard let peer = state.withLock({ $0.byAddress[address] }) else { throw ConnectionError.noAddress }
        return peer
    }
}
