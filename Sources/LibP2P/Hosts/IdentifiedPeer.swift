/// What a peer has told of itself.
package struct IdentifiedPeer: Sendable, Hashable {
    package let peer: PeerID
    package var listenAddresses: [Multiaddr]
    package var protocols: Set<String>
    package var agentVersion: String
    /// Where TCP sees it.
    package var remoteAddress: Multiaddr?
}

package enum HostEvent: Sendable {
    /// A peer has told what it speaks and where it listens, for the first time or anew.
    case identified(IdentifiedPeer)
    /// The last connection to a peer is gone.
    case disconnected(PeerID)
}
