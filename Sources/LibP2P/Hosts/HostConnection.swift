/// A connection as it is now, for whoever wants to look at it.
package struct HostConnection: Sendable, Hashable {
    package let peer: PeerID
    package let direction: PeerConnection.Direction
    /// Where the peer is, as TCP sees it.
    package let remoteAddress: Multiaddr?
    /// What the last ping took; nil until one was answered.
    package let roundTrip: Duration?
}
