package enum ConnectionEvent: Sendable, Hashable {
    /// The peer has proved who it is, and streams can be opened.
    case established(PublicKey)
    /// The peer opened a stream, and both agreed on its protocol.
    case accepted(UInt32, protocolID: String)
    /// The peer agreed to the protocol of a stream that we opened.
    case negotiated(UInt32)
    case readable(UInt32)
    case writable(UInt32)
    case failed(UInt32, StreamError)
    case goAway(code: UInt32)
    case ponged(nanoseconds: Int64)
}

/// What can be said to a peer, and what is expected of it.
package struct ConnectionSettings: Sendable {
    package var identity: Identity
    package var privateNetwork: PrivateNetworkKey?
    /// Protocols that streams may be opened with.
    package var protocols: [String]
    package var limits = YamuxSession.Limits()
    /// Whether yamux is offered within the Noise handshake, which saves a round.
    package var offersEarlyMuxer = true
    /// How long the peer may take to choose the protocol of a stream.
    package var negotiationTimeoutSeconds: Int64 = 10

    package init(identity: Identity, privateNetwork: PrivateNetworkKey? = nil, protocols: [String] = []) {
        self.identity = identity
        self.privateNetwork = privateNetwork
        self.protocols = protocols
    }
}
