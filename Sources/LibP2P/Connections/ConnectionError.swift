internal import NIOCore

/// What ends a connection, or keeps it from coming about.
package enum ConnectionError: Error, Hashable, CustomStringConvertible {
    case negotiation(MultistreamError)
    case noise(NoiseError)
    case yamux(YamuxError)
    /// The peer did not finish the handshake in time.
    case handshakeTimedOut
    /// The peer makes us answer and does not read the answers.
    case answersUnread
    /// Closed by the peer, or by the network.
    case closed
    /// The peer that we dialled closed before it said a word that we understand, as nodes of other private networks do:
    /// to them our first bytes are nonsense. `isPrivate`: we have a network key ourselves.
    case closedUnheard(isPrivate: Bool)
    /// Closed here, since nobody needed it or the host ends.
    case closedHere
    case unreachable(reason: String)
    /// There is no address that could be dialled.
    case noAddress
    case tooManyConnections
    /// The peer that answered is ourselves.
    case ownAddress

    package var description: String {
        switch self {
        case .negotiation(let error): "\(error)"
        case .noise(let error): "\(error)"
        case .yamux(let error): "\(error)"
        case .handshakeTimedOut: "the peer did not finish the handshake in time"
        case .answersUnread: "the peer does not read what it asked for"
        case .closed: "the connection was closed"
        case .closedUnheard(isPrivate: true):
            "the peer hung up without a word: it has another network key than 'node.peers.networkKey' here, or none; "
                + "or it takes no more connections"
        case .closedUnheard(isPrivate: false):
            "the peer hung up without a word: it has a network key, and 'node.peers.networkKey' is not set here; "
                + "or it takes no more connections"
        case .closedHere: "the connection was closed here"
        case .unreachable(let reason): "the peer cannot be reached: \(reason)"
        case .noAddress: "no address of the peer can be dialled"
        case .tooManyConnections: "too many connections are open"
        case .ownAddress: "the address is our own"
        }
    }
}

/// What ends one stream.
package enum StreamError: Error, Hashable, CustomStringConvertible {
    /// Reset by the peer.
    case reset(code: UInt32)
    case negotiation(MultistreamError)
    /// The connection ended.
    case disconnected(ConnectionError)
    case cannotOpen(YamuxError)
    /// Written to after it was closed for writing, or used after it was let go of.
    case closed
    case timedOut

    package var description: String {
        switch self {
        case .reset(let code): "the stream was reset (\(code))"
        case .negotiation(let error): "\(error)"
        case .disconnected(let error): "\(error)"
        case .cannotOpen(let error): "\(error)"
        case .closed: "the stream is closed"
        case .timedOut: "the peer did not answer in time"
        }
    }
}
