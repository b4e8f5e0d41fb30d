package import NIOCore

/// What the peer sends.
extension YamuxSession {
    package mutating func receive(_ bytes: [UInt8], now: NIODeadline) throws(YamuxError) -> [YamuxEvent] {
        lastActivity = now
        received.writeBytes(bytes)
        defer { received.discardReadBytes() }
        var events: [YamuxEvent] = []
        while true {
            switch position {
            case .header:
                guard let header = try YamuxHeader(&received) else { return events }
                try receive(header, now: now, &events)
            case .payload(let id, let remaining, let isEnd):
                guard remaining > 0 else {
                    position = .header
                    if isEnd, let id { endReceiving(id, &events) }
                    continue
                }
                let count = min(remaining, received.readableBytes)
                guard count > 0, let part = received.readSlice(length: count) else { return events }
                position = .payload(id, remaining: remaining - count, isEnd: isEnd)
                if let id { keep(part, of: id, &events) }
            }
        }
    }

    private mutating func receive(
        _ header: YamuxHeader, now: NIODeadline, _ events: inout [YamuxEvent]
    ) throws(YamuxError) {
        switch header.kind {
        case .ping: receivePing(header, now: now, &events)
        case .goAway:
            isPeerGoing = true
            events.append(.goAway(code: header.length))
        case .data, .windowUpdate:
            guard header.streamID != 0 else { throw .wrongStream }
            if header.flags.contains(.syn) { try receiveOpen(header.streamID, now: now, &events) }
            if header.flags.contains(.ack) { acknowledge(header.streamID) }
            // The length of a reset is a code, and neither credit nor data.
            guard !header.flags.contains(.rst) else {
                receiveReset(header, &events)
                if header.kind == .data {
                    position = .payload(nil, remaining: Int(header.length), isEnd: false)
                }
                return
            }
            if header.kind == .data {
                try receiveData(header, &events)
            } else {
                receiveCredit(header, &events)
            }
        }
    }

    private mutating func receivePing(_ header: YamuxHeader, now: NIODeadline, _ events: inout [YamuxEvent]) {
        if header.flags.contains(.syn) {
            YamuxHeader(.ping, .ack, length: header.length).write(to: &outbound)
        } else if header.flags.contains(.ack), let since = pingedAt, header.length == pingValue {
            pingedAt = nil
            events.append(.ponged(now - since))
        }
    }

    private mutating func receiveOpen(
        _ id: UInt32, now: NIODeadline, _ events: inout [YamuxEvent]
    ) throws(YamuxError) {
        let isOdd = !id.isMultiple(of: 2)
        guard isOdd == (role == .listener), streams[id] == nil else { throw .wrongStream }
        guard inboundCount < limits.inboundStreams, !isGoing else {
            YamuxHeader(.windowUpdate, .rst, streamID: id, length: Self.refusedCode).write(to: &outbound)
            return
        }
        inboundCount += 1
        streams[id] = YamuxStream(isLocal: false)
        YamuxHeader(.windowUpdate, .ack, streamID: id).write(to: &outbound)
        events.append(.opened(id))
    }

    mutating func acknowledge(_ id: UInt32) {
        guard let stream = streams[id], stream.isLocal, !stream.isAcknowledged else { return }
        streams[id]?.isAcknowledged = true
        unacknowledgedCount -= 1
    }

    private mutating func receiveReset(_ header: YamuxHeader, _ events: inout [YamuxEvent]) {
        guard let stream = streams[header.streamID], stream.resetCode == nil else { return }
        markReset(header.streamID, code: header.kind == .windowUpdate ? header.length : 0)
        if stream.releasedAt == nil { events.append(.reset(header.streamID, code: header.length)) }
    }

    private mutating func receiveCredit(_ header: YamuxHeader, _ events: inout [YamuxEvent]) {
        guard let stream = streams[header.streamID], stream.resetCode == nil else { return }
        if header.length > 0 {
            streams[header.streamID]?.sendWindow = stream.sendWindow &+ UInt64(header.length)
            if stream.releasedAt == nil, !stream.isSendClosed { events.append(.writable(header.streamID)) }
        }
        if header.flags.contains(.fin) { endReceiving(header.streamID, &events) }
    }

    private mutating func receiveData(_ header: YamuxHeader, _ events: inout [YamuxEvent]) throws(YamuxError) {
        let isEnd = header.flags.contains(.fin)
        guard let stream = streams[header.streamID], stream.resetCode == nil else {
            position = .payload(nil, remaining: Int(header.length), isEnd: false)
            return
        }
        guard Int(header.length) <= stream.receiveWindow else { throw .windowExceeded }
        guard header.length == 0 || !stream.isReceiveClosed else {
            // Go passes over what is written while its writer closes; no other stream has a part in it.
            reset(header.streamID)
            if stream.releasedAt == nil { events.append(.reset(header.streamID, code: 0)) }
            position = .payload(nil, remaining: Int(header.length), isEnd: false)
            return
        }
        streams[header.streamID]?.receiveWindow -= Int(header.length)
        position = .payload(header.streamID, remaining: Int(header.length), isEnd: isEnd)
    }

    private mutating func keep(_ part: ByteBuffer, of id: UInt32, _ events: inout [YamuxEvent]) {
        // No copy of the stream is held here, or its bytes would be copied for every frame.
        let state = streams[id].map { (isReset: $0.resetCode != nil, isReleased: $0.releasedAt != nil) }
        guard let state, !state.isReset else { return }
        let count = part.readableBytes
        guard !state.isReleased else {
            credit(count, to: id)
            return
        }
        // Copied together: many small slices would each hold on to the whole read they came in.
        streams[id]?.unread.writeImmutableBuffer(part)
        unreadBytes += count
        events.append(.readable(id))
    }

    private mutating func endReceiving(_ id: UInt32, _ events: inout [YamuxEvent]) {
        guard let stream = streams[id], stream.resetCode == nil, !stream.isReceiveClosed else { return }
        streams[id]?.isReceiveClosed = true
        if stream.releasedAt == nil { events.append(.readable(id)) }
        removeIfGone(id)
    }
}
