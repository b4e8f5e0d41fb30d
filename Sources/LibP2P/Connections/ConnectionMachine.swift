package import NIOCore

/// One connection to a peer as a value: bytes of TCP in, events out.
///
/// The layers are, from outside: private network, multistream-select, Noise, multistream-select for the muxer (unless
/// Noise agreed on it), yamux, and on each stream multistream-select. After every call the owner sends
/// ``takeOutbound()``, after an error as well: yamux takes leave with a reason.
package struct ConnectionMachine {
    package typealias Role = YamuxSession.Role

    private enum Phase: Hashable {
        /// Agreeing on Noise. Goes to `handshake`.
        case security
        /// Goes to `muxer` or `running`.
        case handshake
        /// Agreeing on yamux within Noise. Goes to `running`.
        case muxer
        case running
    }

    let role: Role
    let settings: ConnectionSettings
    private var phase = Phase.security
    private var privateNetwork: PrivateNetworkCodec?
    private var selection: MultistreamSelect
    /// For ``selection``, which leaves there what it does not need.
    private var selectionInput = ByteBuffer()
    private var handshake: NoiseHandshake
    private var handshakeInput = NoiseFrameDecoder()
    private var transport: NoiseTransport?
    private var remoteKey: PublicKey?
    /// Already framed for Noise, where that applies; the private network's cipher comes on top.
    private var ready = ByteBuffer()
    var session: YamuxSession?
    var negotiations: [UInt32: StreamNegotiation] = [:]

    /// - Parameters:
    ///   - expectedPeer: whom the dialer wants to reach; anybody where it is nil.
    ///   - nonce: 24 random bytes for the private network.
    package init(
        _ role: Role, settings: ConnectionSettings, expectedPeer: PeerID? = nil,
        nonce: [UInt8] = (0..<XSalsa20.nonceLength).map { _ in UInt8.random(in: 0...255) }
    ) {
        self.role = role
        self.settings = settings
        privateNetwork = settings.privateNetwork.map { PrivateNetworkCodec(key: $0, nonce: nonce) }
        selection = MultistreamSelect(role == .dialer ? .dialer : .listener, [Self.noise])
        handshake = NoiseHandshake(
            role == .dialer ? .initiator : .responder, identity: settings.identity, expectedPeer: expectedPeer,
            muxers: settings.offersEarlyMuxer ? [Self.yamux] : [])
    }

    package var isEstablished: Bool { phase == .running }

    /// What a dialler makes of the connection's end where nothing else says why.
    var lossOfPeer: ConnectionError {
        guard role == .dialer, phase == .security, !selection.hasHeardPeer else { return .closed }
        return .closedUnheard(isPrivate: settings.privateNetwork != nil)
    }

    /// Bytes that were received and not read by anybody.
    package var unreadBytes: Int { session?.unreadBytes ?? 0 }

    /// Streams in either direction.
    package var streamCount: Int { session?.streamCount ?? 0 }

    /// What is to be sent now; nil where nothing is.
    package mutating func takeOutbound() throws(ConnectionError) -> ByteBuffer? {
        try collectSelection()
        if let pending = session?.outbound, pending.readableBytes > 0 {
            session?.outbound = ByteBuffer()
            try seal(pending)
        }
        guard ready.readableBytes > 0 else { return nil }
        let bytes = ready
        ready = ByteBuffer()
        return privateNetwork?.seal(bytes) ?? bytes
    }

    /// What multistream-select has to say, in the clear or within Noise.
    private mutating func collectSelection() throws(ConnectionError) {
        var outbound = selection.outbound
        guard outbound.readableBytes > 0 else { return }
        selection.outbound = ByteBuffer()
        if transport == nil {
            ready.writeBuffer(&outbound)
        } else {
            try seal(outbound)
        }
    }

    private mutating func seal(_ plaintext: ByteBuffer) throws(ConnectionError) {
        do {
            if var sealed = try transport?.seal(plaintext) { ready.writeBuffer(&sealed) }
        } catch {
            throw .noise(error)
        }
    }

    package mutating func receive(_ bytes: ByteBuffer, now: NIODeadline) throws(ConnectionError) -> [ConnectionEvent] {
        let bytes = privateNetwork?.open(bytes) ?? bytes
        var events: [ConnectionEvent] = []
        switch phase {
        case .security:
            selectionInput.writeImmutableBuffer(bytes)
            try negotiateSecurity()
        case .handshake: handshakeInput.append(bytes)
        case .muxer, .running: transport?.append(bytes)
        }
        if phase == .handshake { try shakeHands(now: now, &events) }
        while phase == .muxer || phase == .running, let plaintext = try nextPlaintext() {
            if phase == .muxer {
                try negotiateMuxer(plaintext, now: now, &events)
            } else {
                try receive(plaintext, now: now, &events)
            }
        }
        return events
    }

    // MARK: Becoming a connection

    private mutating func negotiateSecurity() throws(ConnectionError) {
        do {
            guard try selection.receive(&selectionInput) != nil else { return }
        } catch {
            throw .negotiation(error)
        }
        phase = .handshake
        // What was said in the clear goes first.
        ready.writeBuffer(&selection.outbound)
        selection.outbound = ByteBuffer()
        if role == .dialer { sendHandshake(handshake.firstMessage()) }
        handshakeInput.append(selectionInput)
        selectionInput = ByteBuffer()
    }

    private mutating func sendHandshake(_ message: [UInt8]) {
        var frame = NoiseFrameDecoder.frame(message)
        ready.writeBuffer(&frame)
    }

    private mutating func shakeHands(
        now: NIODeadline, _ events: inout [ConnectionEvent]
    ) throws(ConnectionError) {
        while phase == .handshake, let message = try nextHandshakeMessage() {
            let progress: NoiseHandshake.Progress
            do { progress = try handshake.receive(message) } catch { throw .noise(error) }
            switch progress {
            case .reply(let answer): sendHandshake(answer)
            case .finished(let outcome, let last):
                if let last { sendHandshake(last) }
                try secured(outcome, now: now, &events)
            }
        }
    }

    private mutating func nextHandshakeMessage() throws(ConnectionError) -> [UInt8]? {
        do { return try handshakeInput.next(limitBytes: NoiseHandshake.messageLimitBytes) } catch {
            throw .noise(error)
        }
    }

    private mutating func secured(
        _ outcome: NoiseOutcome, now: NIODeadline, _ events: inout [ConnectionEvent]
    ) throws(ConnectionError) {
        transport = NoiseTransport(outcome, decoder: handshakeInput)
        handshakeInput = NoiseFrameDecoder()
        remoteKey = outcome.remoteKey
        if outcome.muxer == Self.yamux {
            try start(now: now, &events)
        } else {
            phase = .muxer
            selection = MultistreamSelect(role == .dialer ? .dialer : .listener, [Self.yamux])
        }
    }

    private mutating func nextPlaintext() throws(ConnectionError) -> [UInt8]? {
        do { return try transport?.next() } catch { throw .noise(error) }
    }

    private mutating func negotiateMuxer(
        _ plaintext: [UInt8], now: NIODeadline, _ events: inout [ConnectionEvent]
    ) throws(ConnectionError) {
        selectionInput.writeBytes(plaintext)
        do {
            guard try selection.receive(&selectionInput) != nil else { return }
        } catch {
            throw .negotiation(error)
        }
        try start(now: now, &events)
        let rest = selectionInput.readBytes(length: selectionInput.readableBytes) ?? []
        selectionInput = ByteBuffer()
        if !rest.isEmpty { try receive(rest, now: now, &events) }
    }

    private mutating func start(
        now: NIODeadline, _ events: inout [ConnectionEvent]
    ) throws(ConnectionError) {
        // The answer that agreed on yamux goes before its first frame.
        try collectSelection()
        phase = .running
        session = YamuxSession(role, limits: settings.limits, now: now)
        if let remoteKey { events.append(.established(remoteKey)) }
    }

    private mutating func receive(
        _ plaintext: [UInt8], now: NIODeadline, _ events: inout [ConnectionEvent]
    ) throws(ConnectionError) {
        let received: [YamuxEvent]
        do { received = try session?.receive(plaintext, now: now) ?? [] } catch {
            session?.goAway(code: error.goAwayCode)
            throw .yamux(error)
        }
        for event in received { translate(event, now: now, &events) }
    }

    /// Probes a silent peer, and gives up streams whose peer does not choose a protocol. To be called every few seconds.
    package mutating func tick(now: NIODeadline) throws(ConnectionError) -> [ConnectionEvent] {
        do { try session?.tick(now: now) } catch {
            session?.goAway(code: error.goAwayCode)
            throw .yamux(error)
        }
        return expireNegotiations(now: now)
    }

    /// Asks the peer for a sign of life; ``ConnectionEvent/ponged(nanoseconds:)`` tells how long it took.
    package mutating func ping(now: NIODeadline) { session?.ping(now: now) }

    /// Takes leave of the peer.
    package mutating func goAway() { session?.goAway() }

    package static let noise = "/noise"
    package static let yamux = "/yamux/1.0.0"
}
