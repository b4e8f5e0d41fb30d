internal import Logging
internal import Synchronization

/// Who we are, and who they are.
extension Host {
    /// Asks the peer of a new connection.
    func identify(_ connection: PeerConnection) async {
        let told = advertisedAddresses
        do {
            let message = try await withTimeLimit(configuration.identifyTimeout) {
                let stream = try await connection.openStream(IdentifyMessage.protocolID)
                defer { stream.release() }
                stream.closeWrite()
                return try await Self.readMessages(on: stream)
            }
            guard let message else { return }
            learn(message, from: connection.peer, remoteAddress: connection.remoteAddress)
            // Who was not known yet when our addresses changed was told the old ones, and not the new.
            if advertisedAddresses != told { await pushIdentify(to: connection.peer) }
        } catch {
            logger.debug(
                "a peer does not say who it is", metadata: ["peer": "\(connection.peer)", "error": "\(error)"])
        }
    }

    /// Tells every connected peer that understands it what has become of us: new protocols or addresses.
    ///
    /// Go takes one in 5 seconds from a network; so this is for rare changes.
    package func pushIdentify() async {
        let peers = state.withLock { Array($0.identified.keys) }
        await withDiscardingTaskGroup { group in
            for peer in peers { group.addTask { await self.pushIdentify(to: peer) } }
        }
    }

    private func pushIdentify(to peer: PeerID) async {
        // A peer that is gone hears it when it is back.
        try? await withTimeLimit(configuration.identifyTimeout) {
            let connection = self.state.withLock { state in
                state.identified[peer]?.protocols.contains(IdentifyMessage.pushProtocolID) == true
                    ? state.table.connection(to: peer) : nil
            }
            guard let connection else { return }
            let stream = try await connection.openStream(IdentifyMessage.pushProtocolID)
            defer { stream.release() }
            try await stream.write(LengthPrefixedDecoder.frame(self.ownMessage(for: connection).bytes))
            stream.closeWrite()
        }
    }

    func sayWhoWeAre(on stream: PeerStream) async throws {
        let connection = state.withLock { $0.table.connection(to: stream.peer) }
        let message = LengthPrefixedDecoder.frame(ownMessage(for: connection).bytes)
        try await withTimeLimit(configuration.identifyTimeout) { try await stream.write(message) }
    }

    func receivePush(on stream: PeerStream) async throws {
        let message = try await withTimeLimit(configuration.identifyTimeout) {
            try await Self.readMessages(on: stream)
        }
        guard let message else { return }
        learn(message, from: stream.peer, remoteAddress: nil)
    }

    private func ownMessage(for connection: PeerConnection?) -> IdentifyMessage {
        var message = IdentifyMessage()
        message.publicKey = identity.publicKey.protobuf
        (message.listenAddresses, message.protocols) = state.withLock { ($0.addresses, $0.handlers.keys.sorted()) }
        message.observedAddress = connection?.remoteAddress
        message.protocolVersion = "ipfs/0.1.0"
        message.agentVersion = configuration.agentVersion
        return message
    }

    /// What a stream says in all; nil where it ends without a word.
    private static func readMessages(on stream: PeerStream) async throws -> IdentifyMessage? {
        var messages = MessageStream(stream, limitBytes: IdentifyMessage.messageLimitBytes)
        var whole: IdentifyMessage?
        for _ in 0..<IdentifyMessage.messageCountMax {
            guard let bytes = try await messages.next() else { break }
            var message = whole ?? IdentifyMessage()
            try message.merge(bytes)
            whole = message
        }
        return whole
    }

    /// A key that belongs to another peer makes the whole message void. What is missing stays as it was.
    private func learn(_ message: IdentifyMessage, from peer: PeerID, remoteAddress: Multiaddr?) {
        if let key = message.publicKey {
            guard let key = try? PublicKey(protobuf: key), PeerID(key) == peer else { return }
        }
        let known = state.withLock { state -> IdentifiedPeer? in
            guard state.table.connection(to: peer) != nil else { return nil }
            var known =
                state.identified[peer]
                ?? IdentifiedPeer(
                    peer: peer, listenAddresses: [], protocols: [], agentVersion: "", remoteAddress: remoteAddress)
            if message.hasAddresses { known.listenAddresses = message.listenAddresses }
            if message.hasProtocols { known.protocols = Set(message.protocols) }
            if let agent = message.agentVersion { known.agentVersion = agent }
            if let remoteAddress { known.remoteAddress = remoteAddress }
            state.identified[peer] = known
            return known
        }
        if let known { tell(.identified(known)) }
    }
}
