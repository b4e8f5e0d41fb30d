package import LibP2P
internal import NIOCore
internal import Synchronization

/// The routing's way to peers over LibP2P.
///
/// One stream to each peer is kept and used again, as Go does; it is used by one request at a time, further ones at
/// the same time open their own.
package final class HostNetwork: KademliaNetwork {
    private struct Idle {
        var messages: MessageStream
        let stream: PeerStream
        let since: ContinuousClock.Instant
    }

    private let host: Host
    private let protocolID: String
    private let idle = Mutex<[PeerID: Idle]>([:])

    /// - Parameter protocolID: what the hash table is called on the wire; only peers that call it the same take part.
    package init(_ host: Host, protocolID: String = KademliaMessage.protocolID) {
        self.host = host
        self.protocolID = protocolID
    }

    package var own: PeerID { host.peerID }

    package var ownAddresses: [Multiaddr] { host.advertisedAddresses }

    package func request(_ request: KademliaMessage, to peer: PeerRecord) async throws -> KademliaMessage {
        if let idle = take(peer.peer) {
            // The peer may have closed it meanwhile: then once more, on a new one.
            if let answer = try? await exchange(request, on: idle, peer: peer.peer) { return answer }
            try Task.checkCancellation()
        }
        return try await exchange(request, on: try await open(peer), peer: peer.peer)
    }

    package func send(_ messages: [KademliaMessage], to peer: PeerRecord) async throws {
        let stream = try await host.openStream(
            to: peer.peer, at: peer.addresses, protocolID: protocolID)
        defer { stream.release() }
        var buffer = ByteBuffer()
        for message in messages {
            buffer.writeImmutableBuffer(LengthPrefixedDecoder.frame(message.bytes))
            guard buffer.readableBytes >= Self.writeBytes else { continue }
            try await stream.write(buffer)
            buffer.clear()
        }
        try await stream.write(buffer)
        stream.closeWrite()
        do {
            // The end tells that everything was taken; a peer that leaves the stream open has taken it as well.
            try await withTimeLimit(Self.endLimit) { while try await stream.read() != nil {} }
        } catch StreamError.timedOut {
            return
        }
    }

    package func connect(toAnyoneAt addresses: [Multiaddr]) async throws -> PeerID {
        try await host.connect(toAnyoneAt: addresses).peer
    }

    package func addresses(of peer: PeerID) -> [Multiaddr] {
        host.identified(peer).flatMap(record)?.addresses ?? []
    }

    package func connectedPeers() -> [PeerRecord] {
        host.connectedPeers.compactMap { host.identified($0).flatMap(record) }
    }

    package func attach(_ node: any KademliaNode) {
        host.handle(protocolID) { [weak node, weak host] stream in
            guard let node, let host else { throw StreamError.closed }
            try await Self.serve(stream, node, on: host)
        }
        host.observe { [weak self, weak node] event in
            switch event {
            case .identified(let peer): if let record = self?.record(peer) { node?.peerAppeared(record) }
            case .disconnected(let peer): self?.idle.withLock { $0[peer] = nil }
            }
        }
    }

    /// Nil for a peer that does not speak the protocol.
    private func record(_ peer: IdentifiedPeer) -> PeerRecord? {
        guard peer.protocols.contains(protocolID) else { return nil }
        let addresses = peer.listenAddresses.compactMap { $0.isIP ? $0.withoutPeer : nil }
        return PeerRecord(peer: peer.peer, addresses: Array(addresses.prefix(KademliaMessage.addressCountMax)))
    }

    private func open(_ peer: PeerRecord) async throws -> Idle {
        let stream = try await host.openStream(
            to: peer.peer, at: peer.addresses, protocolID: protocolID)
        return Idle(
            messages: MessageStream(stream, limitBytes: KademliaMessage.answerLimitBytes), stream: stream, since: .now)
    }

    private func exchange(_ request: KademliaMessage, on idle: Idle, peer: PeerID) async throws -> KademliaMessage {
        var idle = idle
        host.markUsed(peer)
        do {
            try await idle.messages.send(request.bytes)
            guard let bytes = try await idle.messages.next() else { throw StreamError.closed }
            let answer = try KademliaMessage(bytes)
            guard answer.kind == request.kind else { throw KademliaMessageError.unexpectedAnswer }
            keep(Idle(messages: idle.messages, stream: idle.stream, since: .now), peer)
            return answer
        } catch {
            idle.stream.reset()
            idle.stream.release()
            throw error
        }
    }

    private func take(_ peer: PeerID) -> Idle? {
        guard let idle = idle.withLock({ $0.removeValue(forKey: peer) }) else { return nil }
        guard ContinuousClock.now - idle.since < Self.idleLimit else {
            idle.stream.release()
            return nil
        }
        return idle
    }

    private func keep(_ used: Idle, _ peer: PeerID) {
        let surplus = idle.withLock { idle -> PeerStream? in
            guard idle[peer] == nil, idle.count < Self.idleMax else { return used.stream }
            idle[peer] = used
            return nil
        }
        surplus?.release()
    }

    private static func serve(_ stream: PeerStream, _ node: any KademliaNode, on host: Host) async throws {
        var messages = MessageStream(stream, limitBytes: KademliaMessage.requestLimitBytes)
        while true {
            let (bytes, rest) = try await host.withIdleLimit { [messages] in
                var messages = messages
                return (try await messages.next(), messages)
            }
            messages = rest
            guard let bytes else { return }
            // A connection that is used does not give way to another.
            host.markUsed(stream.peer)
            switch node.reply(to: try KademliaMessage(bytes), from: stream.peer) {
            case .message(let answer):
                let frame = LengthPrefixedDecoder.frame(answer.bytes)
                try await withTimeLimit(writeLimit) { try await stream.write(frame) }
            case .silence: break
            case .reset: throw StreamError.closed
            }
        }
    }

    /// Go resets streams that were idle for a minute; so ours are not used for so long.
    private static let idleLimit = Duration.seconds(50)
    private static let endLimit = Duration.seconds(2)
    private static let writeLimit = Duration.seconds(10)
    private static let idleMax = 256
    private static let writeBytes = 32 << 10
}
