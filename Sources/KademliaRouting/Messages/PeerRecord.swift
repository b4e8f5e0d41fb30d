package import LibP2P

/// A peer and where it listens.
package struct PeerRecord: Sendable, Hashable {
    package let peer: PeerID
    /// Where the peer lies: kept, since it is asked for much more often than it is made.
    package let point: KeyspacePoint
    /// Without the peer's ID at their end.
    package var addresses: [Multiaddr]

    package init(peer: PeerID, addresses: [Multiaddr]) {
        self.peer = peer
        point = KeyspacePoint(peer)
        self.addresses = addresses
    }

    package func at(_ addresses: [Multiaddr]) -> PeerRecord {
        var copy = self
        copy.addresses = addresses
        return copy
    }

    package static func == (left: PeerRecord, right: PeerRecord) -> Bool {
        left.peer == right.peer && left.addresses == right.addresses
    }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(peer)
        hasher.combine(addresses)
    }
}
