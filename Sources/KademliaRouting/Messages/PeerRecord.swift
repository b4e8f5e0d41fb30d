package import LibP2P

/// A peer and where it listens.
package struct PeerRecord: Sendable, Hashable {
    package let peer: PeerID
    /// Without the peer's ID at their end.
    package var addresses: [Multiaddr]

    package init(peer: PeerID, addresses: [Multiaddr]) {
        self.peer = peer
        self.addresses = addresses
    }
}
