internal import Concurrency
internal import NIOCore
internal import NIOPosix
internal import Synchronization

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

extension Host {
    /// The connection to `peer`: one that is there, or a new one by any of `addresses`.
    ///
    /// One dial for each peer is under way at a time; it belongs to the host, so a caller that leaves ends its own
    /// wait alone.
    /// - Throws: ``ConnectionError`` or `CancellationError`.
    package func connect(to peer: PeerID, at addresses: [Multiaddr]) async throws -> PeerConnection {
        guard peer != peerID else { throw ConnectionError.ownAddress }
        let waiter = Waiter<PeerConnection>()
        let (existing, isFirst) = state.withLock { state -> (PeerConnection?, Bool) in
            if let connection = state.table.connection(to: peer) {
                state.table.markUsed(connection.id, now: .now())
                return (connection, false)
            }
            let isFirst = state.dials[peer] == nil
            state.dials[peer, default: []].append(waiter)
            return (nil, isFirst)
        }
        if let existing { return existing }
        if isFirst {
            let hasStarted = work.start {
                let result: Result<PeerConnection, any Error>
                do { result = .success(try await self.dial(addresses, expecting: peer)) } catch {
                    result = .failure(error)
                }
                self.finishDial(of: peer, result)
            }
            if !hasStarted { finishDial(of: peer, .failure(ConnectionError.closedHere)) }
        }
        return try await waiter.value()
    }

    /// Connects to whoever answers at `addresses`, as bootstrap lists name machines and not peers.
    ///
    /// It is the connection that is there, where there is one: bootstraps are asked again and again, and Go peers take 8
    /// connections of an address (of an IPv6 network of 56 bits: of all of its machines).
    package func connect(toAnyoneAt addresses: [Multiaddr]) async throws -> PeerConnection {
        let start = NIODeadline.now()
        let existing = state.withLock { state in
            let connection = state.table.connection(toAnyoneAt: addresses)
            if let connection { state.table.markUsed(connection.id, now: start) }
            return connection
        }
        if let existing { return existing }
        let connection = try await dial(addresses, expecting: nil)
        // Whoever it is may have come to us before, from a port that tells nothing. Not one that came meanwhile: the other
        // side may give up its own for ours.
        let older = state.withLock { state in
            let older = state.table.connection(to: connection.peer, openedBefore: start)
            if older != nil { state.table.markGoing(connection.id) }
            return older
        }
        guard let older else { return connection }
        connection.close()
        return older
    }

    /// A stream to `peer` on the connection that is there, or on a new one by `addresses`.
    package func openStream(
        to peer: PeerID, at addresses: [Multiaddr] = [], protocolID: String
    ) async throws -> PeerStream {
        try await connect(to: peer, at: addresses).openStream(protocolID)
    }

    private func finishDial(of peer: PeerID, _ result: Result<PeerConnection, any Error>) {
        let waiters = state.withLock { $0.dials.removeValue(forKey: peer) } ?? []
        for waiter in waiters { waiter.resume(result) }
    }

    /// Tries the addresses one after the other, each beside those before it where they take long.
    private func dial(_ addresses: [Multiaddr], expecting peer: PeerID?) async throws -> PeerConnection {
        let own = Set(advertisedAddresses)
        var targets: [Multiaddr] = []
        for address in addresses {
            guard address.isIP, let target = address.withoutPeer, !own.contains(target),
                !targets.contains(target)
            else { continue }
            if let named = address.peerID, let peer, named != peer { continue }
            targets.append(target)
        }
        guard !targets.isEmpty else { throw ConnectionError.noAddress }
        let stagger = configuration.dialStagger
        return try await withThrowingTaskGroup(of: Result<PeerConnection, any Error>.self) { group in
            for (index, target) in targets.prefix(configuration.dialAttemptMax).enumerated() {
                group.addTask {
                    do {
                        if index > 0 { try await Task.sleep(for: stagger * index) }
                        return .success(try await self.dial(target, expecting: peer))
                    } catch {
                        return .failure(error)
                    }
                }
            }
            var winner: PeerConnection?
            var failure: any Error = ConnectionError.noAddress
            for try await result in group {
                switch result {
                case .success(let connection):
                    if winner == nil {
                        winner = connection
                        group.cancelAll()
                    } else {
                        connection.close()
                    }
                case .failure(let error): if !(error is CancellationError) { failure = error }
                }
            }
            try Task.checkCancellation()
            guard let winner else { throw failure }
            return winner
        }
    }

    private func dial(_ target: Multiaddr, expecting peer: PeerID?) async throws -> PeerConnection {
        guard let endpoint = target.endpoint,
            let address = try? SocketAddress(ipAddress: endpoint.host, port: endpoint.port)
        else { throw ConnectionError.noAddress }
        let waiter = Waiter<PeerConnection>()
        let eventLoop = MultiThreadedEventLoopGroup.singleton.next()
        let established = eventLoop.makePromise(of: PublicKey.self)
        let attached = eventLoop.makePromise(of: EventLoopFuture<PeerConnection>.self)
        let connecting = ClientBootstrap(group: eventLoop)
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelOption(.tcpOption(Self.userTimeout), value: acknowledgementMilliseconds)
            .channelOption(.writeBufferWaterMark, value: .init(low: 32 << 10, high: 128 << 10))
            .connectTimeout(TimeAmount(configuration.dialTimeout))
            .channelInitializer { channel in
                let future = self.attach(
                    to: channel, role: .dialer, expecting: peer, remoteAddress: target, established: established)
                future.cascade(to: attached)
                return future.map { _ in }
            }
            .connect(to: address)
        connecting.whenSuccess { _ in
            attached.futureResult.flatMap { $0 }.whenComplete { result in
                let isTaken = waiter.resume(result.mapError { $0 })
                // Whoever wanted it has gone meanwhile.
                if case .success(let connection) = result, !isTaken { connection.close() }
            }
        }
        connecting.whenFailure { error in
            // By itself: the handler in the pipeline knows no more than that its channel is gone.
            waiter.resume(.failure(ConnectionError.unreachable(reason: Self.reason(error))))
            attached.fail(error)
            established.fail(ConnectionError.closed)
        }
        do {
            return try await waiter.value()
        } catch is CancellationError {
            connecting.whenSuccess { $0.close(promise: nil) }
            throw CancellationError()
        }
    }

    /// In words; NIO's own name its calls.
    static func reason(_ error: any Error) -> String {
        switch error {
        case let error as IOError: String(cString: strerror(error.errnoCode))
        case ChannelError.connectTimeout: "no answer"
        default: "\(error)"
        }
    }
}
