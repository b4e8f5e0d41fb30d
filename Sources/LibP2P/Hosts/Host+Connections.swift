internal import Concurrency
internal import Logging
internal import NIOCore
internal import NIOPosix
internal import Synchronization

/// How connections come in, and what happens on them.
extension Host {
    func settings() -> ConnectionSettings {
        let protocols = state.withLock { $0.handlers.keys.sorted() }
        var settings = ConnectionSettings(
            identity: identity, privateNetwork: configuration.privateNetwork, protocols: protocols)
        settings.limits = configuration.limits
        settings.offersEarlyMuxer = configuration.offersEarlyMuxer
        return settings
    }

    /// Begins the handshake of an inbound connection, or closes it where there are too many.
    func accept(_ channel: any Channel) -> EventLoopFuture<Void> {
        let remote = channel.remoteAddress.flatMap { Multiaddr($0) }
        let host = remote?.endpoint?.host
        let isAdmitted = state.withLock { $0.table.admit(from: host, isLoopback: remote?.reach == .loopback) }
        guard isAdmitted else { return channel.close() }
        let established = channel.eventLoop.makePromise(of: PublicKey.self)
        established.futureResult.whenComplete { _ in self.state.withLock { $0.table.handshakeEnded() } }
        channel.closeFuture.whenComplete { _ in self.state.withLock { $0.table.left(host) } }
        return attach(
            to: channel, role: .listener, expecting: nil, remoteAddress: remote, established: established
        ).map { future in
            future.whenFailure { error in
                // A dialler that goes after the second message only wanted to know who is there: Spegel does so.
                self.logger.debug(
                    "a peer's handshake failed", metadata: ["address": "\(host ?? "")", "error": "\(error)"])
            }
        }
    }

    /// Adds a connection's handler to `channel`. The inner future has the connection when it is established and taken
    /// into the table.
    func attach(
        to channel: any Channel, role: ConnectionMachine.Role, expecting peer: PeerID?, remoteAddress: Multiaddr?,
        established: EventLoopPromise<PublicKey>
    ) -> EventLoopFuture<EventLoopFuture<PeerConnection>> {
        let id = state.withLock { $0.table.nextID() }
        let settings = settings()
        return channel.eventLoop.makeCompletedFuture {
            let owner = Owner(host: self, id: id)
            let handler = ConnectionHandler(
                machine: ConnectionMachine(role, settings: settings, expectedPeer: peer),
                configuration: configuration, owner: owner, established: established)
            do { try channel.pipeline.syncOperations.addHandler(handler) } catch {
                // The channel was closed meanwhile.
                established.fail(error)
                throw error
            }
            let bound = NIOLoopBound(handler, eventLoop: channel.eventLoop)
            return established.futureResult.flatMapThrowing { key in
                let connection = PeerConnection(
                    id: id, publicKey: key, direction: role == .dialer ? .outbound : .inbound,
                    remoteAddress: remoteAddress, handler: bound)
                owner.connection.value = connection
                do { try self.register(connection) } catch {
                    connection.close()
                    throw error
                }
                return connection
            }
        }
    }

    private func register(_ connection: PeerConnection) throws(ConnectionError) {
        guard connection.peer != peerID else { throw .ownAddress }
        let address = connection.remoteAddress?.endpoint?.host
        switch state.withLock({ $0.table.add(connection, address: address, now: .now()) }) {
        case .added: break
        case .replaces(let other): other.close()
        case .refused: throw .tooManyConnections
        }
        logger.debug(
            "a peer is connected",
            metadata: ["peer": "\(connection.peer)", "address": "\(address ?? "")", "way": "\(connection.direction)"])
        work.start { await self.identify(connection) }
    }

    /// The connection to `peer` is in use: others give way before it. Opening a stream says so by itself.
    package func markUsed(_ peer: PeerID) {
        state.withLock { state in
            guard let connection = state.table.connection(to: peer) else { return }
            state.table.markUsed(connection.id, now: .now())
        }
    }

    func tell(_ event: HostEvent) {
        for observer in state.withLock({ $0.observers }) { observer(event) }
    }

    func accepted(_ stream: PeerStream, on id: UInt64) {
        let handler = state.withLock { state in
            state.table.markUsed(id, now: .now())
            return state.handlers[stream.protocolID]
        }
        guard let handler else { return stream.reset() }
        let logger = logger
        let hasStarted = work.start {
            do {
                try await handler(stream)
                stream.closeWrite()
            } catch {
                logger.debug(
                    "a peer's stream failed",
                    metadata: [
                        "peer": "\(stream.peer)", "protocol": "\(stream.protocolID)", "error": "\(error)",
                    ])
                stream.reset()
            }
            stream.release()
        }
        if !hasStarted { stream.reset() }
    }

    func ended(_ id: UInt64, _ error: ConnectionError) {
        let peer = state.withLock { state in
            let peer = state.table.remove(id)
            if let peer { state.identified[peer] = nil }
            return peer
        }
        guard let peer else { return }
        logger.debug("a peer has gone", metadata: ["peer": "\(peer)", "error": "\(error)"])
        tell(.disconnected(peer))
    }
}

/// Ties one connection to the host.
private final class Owner: ConnectionOwner {
    private let host: Host
    private let id: UInt64
    let connection = Slot<PeerConnection>()

    init(host: Host, id: UInt64) {
        self.host = host
        self.id = id
    }

    func connectionAccepted(stream id: UInt32, protocolID: String) {
        guard let connection = connection.value else { return }
        host.accepted(connection.stream(id, protocolID: protocolID), on: self.id)
    }

    func connectionPonged(after roundTrip: TimeAmount) {
        host.state.withLock { $0.table.markPonged(id, after: roundTrip) }
    }

    func connectionIsGoing() { host.state.withLock { $0.table.markGoing(id) } }

    func connectionEnded(_ error: ConnectionError) {
        connection.value = nil
        host.ended(id, error)
    }
}
