package import LibP2P

/// How the routing reaches peers: over LibP2P, or within one process.
package protocol KademliaNetwork: Sendable {
    /// Our own ID.
    var own: PeerID { get }

    /// What peers are told of where we are, now.
    var ownAddresses: [Multiaddr] { get }

    /// Sends `request` to a peer, connecting first where that is needed, and returns its answer.
    func request(_ request: KademliaMessage, to peer: PeerRecord) async throws -> KademliaMessage

    /// Sends messages that have no answer.
    func send(_ messages: [KademliaMessage], to peer: PeerRecord) async throws

    /// Connects to whoever answers at `addresses`, and returns who that is.
    func connect(toAnyoneAt addresses: [Multiaddr]) async throws -> PeerID

    /// Where a connected peer listens; none for one that is not connected.
    func addresses(of peer: PeerID) -> [Multiaddr]

    /// Peers that are connected and speak the protocol.
    func connectedPeers() -> [PeerRecord]

    /// Begins to answer requests by `node`, and to tell it of peers that speak the protocol. Keeps it weakly.
    func attach(_ node: any KademliaNode)
}

/// What a network tells a node. No call may block.
package protocol KademliaNode: AnyObject, Sendable {
    func reply(to request: KademliaMessage, from peer: PeerID) -> KademliaState.Reply

    /// A peer is connected and speaks the protocol.
    func peerAppeared(_ peer: PeerRecord)
}
