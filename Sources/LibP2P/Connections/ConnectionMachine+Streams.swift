package import NIOCore

/// A stream whose protocol is not agreed on yet.
struct StreamNegotiation {
    var selection: MultistreamSelect
    let isLocal: Bool
    let startedAt: NIODeadline
    /// Only one protocol was proposed, so that data may follow at once.
    let isOptimistic: Bool
}

extension ConnectionMachine {
    /// Opens a stream and proposes `protocols` on it in their order.
    package mutating func open(_ protocols: [String], now: NIODeadline) throws(StreamError) -> UInt32 {
        let opened: UInt32?
        do { opened = try session?.open() } catch { throw .cannotOpen(error) }
        guard let id = opened else { throw .disconnected(.closed) }
        var negotiation = StreamNegotiation(
            selection: MultistreamSelect(.dialer, protocols), isLocal: true, startedAt: now,
            isOptimistic: protocols.count == 1)
        flush(&negotiation, on: id)
        negotiations[id] = negotiation
        return id
    }

    /// Takes what has come on a stream.
    package mutating func read(_ id: UInt32) -> YamuxRead {
        if negotiations[id] != nil { return .pending }
        return session?.read(id) ?? .reset(code: 0)
    }

    /// Sends as much of `bytes` as may be sent now, and takes it off.
    /// - Returns: how many bytes that was; nil where the stream is closed for writing.
    package mutating func write(_ bytes: inout ByteBuffer, on id: UInt32, limitBytes: Int) -> Int? {
        if let negotiation = negotiations[id], !negotiation.isOptimistic { return 0 }
        return session?.send(&bytes, on: id, limitBytes: limitBytes)
    }

    package mutating func closeWrite(_ id: UInt32) { session?.closeWrite(id) }

    package mutating func reset(_ id: UInt32, code: UInt32 = 0) { session?.reset(id, code: code) }

    /// Tells that nobody uses the stream any more.
    package mutating func release(_ id: UInt32, now: NIODeadline) {
        negotiations[id] = nil
        session?.release(id, now: now)
    }

    mutating func translate(_ event: YamuxEvent, now: NIODeadline, _ events: inout [ConnectionEvent]) {
        switch event {
        case .opened(let id):
            guard !settings.protocols.isEmpty else {
                session?.reset(id)
                session?.release(id, now: now)
                return
            }
            negotiations[id] = StreamNegotiation(
                selection: MultistreamSelect(.listener, settings.protocols), isLocal: false, startedAt: now,
                isOptimistic: false)
        case .readable(let id):
            if negotiations[id] == nil {
                events.append(.readable(id))
            } else {
                negotiate(id, now: now, &events)
            }
        case .writable(let id): if negotiations[id]?.isLocal != false { events.append(.writable(id)) }
        case .reset(let id, let code):
            giveUp(id, .reset(code: code), now: now, &events)
        case .goAway(let code): events.append(.goAway(code: code))
        case .ponged(let time): events.append(.ponged(nanoseconds: time.nanoseconds))
        }
    }

    private mutating func negotiate(_ id: UInt32, now: NIODeadline, _ events: inout [ConnectionEvent]) {
        guard var negotiation = negotiations.removeValue(forKey: id) else { return }
        let selected: String?
        do throws(MultistreamError) {
            selected =
                try session?.withUnread(of: id) { unread throws(MultistreamError) in
                    try negotiation.selection.receive(&unread)
                } ?? nil
        } catch {
            flush(&negotiation, on: id)
            negotiations[id] = negotiation
            giveUp(id, .negotiation(error), now: now, &events)
            return
        }
        flush(&negotiation, on: id)
        guard let selected else {
            negotiations[id] = negotiation
            if session?.isAtEnd(id) == true { giveUp(id, .closed, now: now, &events) }
            return
        }
        events.append(negotiation.isLocal ? .negotiated(id) : .accepted(id, protocolID: selected))
        // Whoever reads now gets what came along with the agreement.
        events.append(.readable(id))
    }

    /// Ends a stream. Of an inbound one that was not agreed on nobody has heard; it just goes.
    private mutating func giveUp(
        _ id: UInt32, _ error: StreamError, now: NIODeadline, _ events: inout [ConnectionEvent]
    ) {
        session?.reset(id)
        guard let negotiation = negotiations.removeValue(forKey: id), !negotiation.isLocal else {
            events.append(.failed(id, error))
            return
        }
        session?.release(id, now: now)
    }

    private mutating func flush(_ negotiation: inout StreamNegotiation, on id: UInt32) {
        // A few hundred bytes at the most, and the window is of 256 KiB: they always fit.
        _ = session?.send(&negotiation.selection.outbound, on: id)
        negotiation.selection.outbound = ByteBuffer()
    }

    mutating func expireNegotiations(now: NIODeadline) -> [ConnectionEvent] {
        var events: [ConnectionEvent] = []
        let timeout = TimeAmount.seconds(settings.negotiationTimeoutSeconds)
        for (id, negotiation) in negotiations where now - negotiation.startedAt >= timeout {
            giveUp(id, .timedOut, now: now, &events)
        }
        return events
    }
}
