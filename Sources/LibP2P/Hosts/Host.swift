internal import Concurrency
package import Logging
internal import NIOCore
internal import NIOPosix
internal import ServiceLifecycle
internal import Synchronization

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// Our end of all connections to peers: listens, dials, and gives streams to those who handle their protocol.
///
/// Everything it does for others happens in ``run()``. Streams that peers open are handled in tasks of their own,
/// which end with the connection or the host.
package final class Host: Service, Sendable {
    package typealias StreamHandler = @Sendable (PeerStream) async throws -> Void
    package typealias Observer = @Sendable (HostEvent) -> Void

    struct State {
        var table: ConnectionTable
        var handlers: [String: StreamHandler] = [:]
        var observers: [Observer] = []
        var identified: [PeerID: IdentifiedPeer] = [:]
        var dials: [PeerID: [Waiter<PeerConnection>]] = [:]
        /// What is listened on, and what peers are told of it.
        var bound: [Multiaddr] = []
        var addresses: [Multiaddr] = []
    }

    package let identity: Identity
    let configuration: HostConfiguration
    let logger: Logger
    let work = BackgroundWork()
    let state: Mutex<State>
    private let bound: EventLoopPromise<[Multiaddr]>

    package init(identity: Identity, configuration: HostConfiguration, logger: Logger) {
        self.identity = identity
        self.configuration = configuration
        self.logger = logger
        state = Mutex(State(table: ConnectionTable(configuration)))
        bound = MultiThreadedEventLoopGroup.singleton.next().makePromise()
        handle(IdentifyMessage.protocolID) { [weak self] stream in try await self?.sayWhoWeAre(on: stream) }
        handle(IdentifyMessage.pushProtocolID) { [weak self] stream in try await self?.receivePush(on: stream) }
        handle(Ping.protocolID) { [weak self] stream in try await self?.answerPings(on: stream) }
    }

    deinit { bound.fail(CancellationError()) }

    package var peerID: PeerID { identity.peerID }

    /// Has `handler` called for each stream that a peer opens with `protocolID`, on connections made from now on. The
    /// stream is released when it returns; an error resets it.
    package func handle(_ protocolID: String, _ handler: @escaping StreamHandler) {
        state.withLock { $0.handlers[protocolID] = handler }
    }

    /// Has `observer` told of every event, from an event loop or task of the host: it must not block.
    package func observe(_ observer: @escaping Observer) {
        state.withLock { $0.observers.append(observer) }
    }

    /// Listens until a graceful shutdown or cancellation, then closes every connection. To be called once.
    /// - Throws: ``HostError`` where it cannot listen.
    package func run() async throws {
        let listeners: [any Channel]
        do {
            listeners = try await listen()
        } catch {
            work.close()
            bound.fail(error)
            throw error
        }
        let addresses = listeners.compactMap { $0.localAddress.flatMap { Multiaddr($0) } }
        let advertised = advertisedAddresses(bound: addresses)
        state.withLock { state in
            state.bound = addresses
            state.addresses = advertised
        }
        bound.succeed(addresses)
        logger.info(
            "listening for peers",
            metadata: ["peer": "\(peerID)", "addresses": "\(addresses)", "advertised": "\(advertised)"])
        let work = work
        await withTaskCancellationOrGracefulShutdownHandler {
            await work.run(cancelsAtClose: true)
        } onCancelOrGracefulShutdown: {
            work.close()
        }
        for listener in listeners { try? await listener.close() }
        for connection in state.withLock({ $0.table.close() }) { connection.close() }
        let dials = state.withLock { state in
            defer { state.dials = [:] }
            return state.dials.values.flatMap { $0 }
        }
        for dial in dials { dial.resume(.failure(ConnectionError.closedHere)) }
    }

    /// The addresses listened on, once ``run()`` listens; suspends until then.
    package func boundAddresses() async throws -> [Multiaddr] { try await bound.futureResult.get() }

    /// What peers are told of where we are; empty until ``run()`` listens.
    package var advertisedAddresses: [Multiaddr] { state.withLock { $0.addresses } }

    /// What is listened on; empty until ``run()`` listens.
    package var listenAddresses: [Multiaddr] { state.withLock { $0.bound } }

    package var isInPrivateNetwork: Bool { configuration.privateNetwork != nil }

    /// Peers that we are connected to.
    package var connectedPeers: [PeerID] { state.withLock { $0.table.peers } }

    /// The connections there are, in no particular order.
    package var connections: [HostConnection] { state.withLock { $0.table.snapshot } }

    package var connectionCount: Int { state.withLock { $0.table.count } }

    /// What a connected peer has told of itself.
    package func identified(_ peer: PeerID) -> IdentifiedPeer? { state.withLock { $0.identified[peer] } }

    package func isConnected(to peer: PeerID) -> Bool { state.withLock { $0.table.connection(to: peer) != nil } }

    /// Closes every connection to `peer`.
    package func disconnect(_ peer: PeerID) {
        for connection in state.withLock({ $0.table.connections.filter { $0.peer == peer } }) { connection.close() }
    }

    /// Looks again under which address peers find us, and tells those that are connected where that has changed: a
    /// machine may get its address after the host has started.
    /// - Returns: whether it has changed.
    @discardableResult
    package func renewAddresses() async -> Bool {
        guard configuration.advertised.isEmpty else { return false }
        let hasChanged = state.withLock { state in
            guard !state.bound.isEmpty else { return false }
            let addresses = advertisedAddresses(bound: state.bound)
            defer { state.addresses = addresses }
            return addresses != state.addresses
        }
        guard hasChanged else { return false }
        logger.info("peers find us elsewhere now", metadata: ["advertised": "\(advertisedAddresses)"])
        await pushIdentify()
        return true
    }

    private func advertisedAddresses(bound: [Multiaddr]) -> [Multiaddr] {
        guard configuration.advertised.isEmpty else { return configuration.advertised }
        return configuration.ownAddresses(bound, configuration.advertisesLoopback)
    }

    private func listen() async throws -> [any Channel] {
        var listeners: [any Channel] = []
        do {
            for address in configuration.listen {
                guard let endpoint = address.endpointForListening else {
                    throw HostError.cannotListen(address: "\(address)", reason: "it is no IP address with a TCP port")
                }
                do {
                    listeners.append(try await listener().bind(host: endpoint.host, port: endpoint.port).get())
                } catch {
                    throw HostError(listeningOn: address, failedWith: error)
                }
            }
        } catch {
            for listener in listeners { try? await listener.close() }
            throw error
        }
        return listeners
    }

    /// `TCP_USER_TIMEOUT` of tcp(7), in milliseconds.
    static let userTimeout = NIOBSDSocket.Option(rawValue: 18)

    var acknowledgementMilliseconds: SocketOptionValue {
        SocketOptionValue(configuration.acknowledgementTimeout / .milliseconds(1))
    }

    private func listener() -> ServerBootstrap {
        ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.backlog, value: 1024)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelOption(.tcpOption(Self.userTimeout), value: acknowledgementMilliseconds)
            .childChannelOption(.writeBufferWaterMark, value: .init(low: 32 << 10, high: 128 << 10))
            .childChannelInitializer { [self] channel in accept(channel) }
    }
}

/// Why a host cannot run.
package enum HostError: Error, Hashable, CustomStringConvertible {
    case cannotListen(address: String, reason: String)

    package var description: String {
        switch self {
        case .cannotListen(let address, let reason): "cannot listen for peers on \(address): \(reason)"
        }
    }
}

extension HostError {
    /// What the system said when `address` was to be bound, in words that tell what to do.
    init(listeningOn address: Multiaddr, failedWith error: any Error) {
        let reason =
            switch (error as? IOError)?.errnoCode {
            case EADDRINUSE: "another program has the port; stop it, or change 'node.peers.listen'"
            case EADDRNOTAVAIL: "this machine has no such address; change 'node.peers.listen'"
            case EACCES: "this user may not use that port; choose one from 1024 on as 'node.peers.listen'"
            case let code?: strerror(code).map { String(cString: $0) } ?? "error \(code)"
            case nil: "\(error)"
            }
        self = .cannotListen(address: "\(address)", reason: reason)
    }
}
