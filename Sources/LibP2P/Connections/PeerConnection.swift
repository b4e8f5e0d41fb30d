internal import NIOCore

/// A connection to a peer that has proved who it is.
package final class PeerConnection: Sendable {
    package enum Direction: Sendable, Hashable {
        case inbound
        case outbound
    }

    /// Of this process.
    package let id: UInt64
    package let peer: PeerID
    package let publicKey: PublicKey
    package let direction: Direction
    /// Where the peer is, as TCP sees it.
    package let remoteAddress: Multiaddr?
    private let handler: NIOLoopBound<ConnectionHandler>

    init(
        id: UInt64, publicKey: PublicKey, direction: Direction, remoteAddress: Multiaddr?,
        handler: NIOLoopBound<ConnectionHandler>
    ) {
        self.id = id
        peer = PeerID(publicKey)
        self.publicKey = publicKey
        self.direction = direction
        self.remoteAddress = remoteAddress
        self.handler = handler
    }

    /// Opens a stream. It can be written to at once; whether the peer speaks the protocol shows when it is read.
    /// - Throws: ``StreamError``.
    package func openStream(_ protocolID: String) async throws -> PeerStream {
        let handler = handler
        let peer = peer
        return try await handler.eventLoop.submit {
            let id = try handler.value.open([protocolID])
            return PeerStream(id: id, peer: peer, protocolID: protocolID, handler: handler)
        }.get()
    }

    func stream(_ id: UInt32, protocolID: String) -> PeerStream {
        PeerStream(id: id, peer: peer, protocolID: protocolID, handler: handler)
    }

    /// Takes leave and closes. Streams that are open fail.
    package func close() {
        let handler = handler
        handler.eventLoop.execute { handler.value.close(.closedHere) }
    }
}
