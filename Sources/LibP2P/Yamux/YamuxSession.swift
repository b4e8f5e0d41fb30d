package import NIOCore

/// Many streams over one connection: a yamux session as a value. Bytes go in, events come out, and what is to be sent
/// accumulates in ``outbound``.
///
/// Bounds: what is unread is at most 256 KiB for each stream, and streams are counted. The window is not enlarged, as
/// only small messages travel here; the peer's window may grow as it likes. Frames that need an answer (pings, streams
/// that are refused) enlarge ``outbound``, which its owner has to watch.
package struct YamuxSession {
    package enum Role: Sendable, Hashable {
        /// Opens streams with odd numbers.
        case dialer
        /// Opens streams with even numbers.
        case listener
    }

    package struct Limits: Sendable, Hashable {
        /// Streams the peer may have open at once; more are reset.
        package var inboundStreams = 64
        /// Streams we may have open at once.
        package var outboundStreams = 256
        /// Streams of ours that the peer has not acknowledged.
        package var unacknowledgedStreams = 256
        /// How often a silent connection is probed.
        package var pingInterval = TimeAmount.seconds(30)
        /// How long the answer may take.
        package var pingTimeout = TimeAmount.seconds(10)
        /// How long the peer may take to end a stream that we have finished with.
        package var lingerTimeout = TimeAmount.seconds(30)

        package init() {}
    }

    /// Where in the input we are.
    private enum Position {
        case header
        /// Of a data frame. `isEnd`: the stream ends with it. A stream of nil: the bytes are dropped.
        case payload(UInt32?, remaining: Int, isEnd: Bool)
    }

    /// What every stream begins with in either direction.
    package static let initialWindowBytes = 256 << 10
    /// Longer frames would keep other streams waiting.
    private static let frameLimitBytes = 64 << 10

    private let role: Role
    private let limits: Limits
    private var streams: [UInt32: YamuxStream] = [:]
    private var nextID: UInt32
    private var position = Position.header
    private var received = ByteBuffer()
    private var inboundCount = 0
    private var unacknowledgedCount = 0
    private var isPeerGoing = false
    private var isGoing = false
    private var pingedAt: NIODeadline?
    private var pingValue: UInt32 = 0
    private var lastActivity: NIODeadline

    /// What is to be sent, to be taken by the owner after every call.
    package var outbound = ByteBuffer()
    /// Bytes of all streams that were received and not read.
    package private(set) var unreadBytes = 0

    package init(_ role: Role, limits: Limits = Limits(), now: NIODeadline) {
        self.role = role
        self.limits = limits
        nextID = role == .dialer ? 1 : 2
        lastActivity = now
    }

    package var streamCount: Int { streams.count }

    // MARK: Receiving

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
                try receiveData(header)
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

    private mutating func acknowledge(_ id: UInt32) {
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

    private mutating func receiveData(_ header: YamuxHeader) throws(YamuxError) {
        let isEnd = header.flags.contains(.fin)
        guard let stream = streams[header.streamID], stream.resetCode == nil else {
            position = .payload(nil, remaining: Int(header.length), isEnd: false)
            return
        }
        guard Int(header.length) <= stream.receiveWindow else { throw .windowExceeded }
        guard header.length == 0 || !stream.isReceiveClosed else { throw .dataAfterEnd }
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

    // MARK: Streams

    /// Opens a stream. Data may be sent before the peer has acknowledged it.
    package mutating func open() throws(YamuxError) -> UInt32 {
        guard !isPeerGoing, !isGoing, nextID <= .max - 2 else { throw .goingAway }
        guard unacknowledgedCount < limits.unacknowledgedStreams,
            streams.count - inboundCount < limits.outboundStreams
        else { throw .tooManyStreams }
        let id = nextID
        nextID += 2
        unacknowledgedCount += 1
        streams[id] = YamuxStream(isLocal: true)
        YamuxHeader(.windowUpdate, .syn, streamID: id).write(to: &outbound)
        return id
    }

    /// Sends as much of `bytes` as the peer's window and `limitBytes` allow, and takes it off.
    /// - Returns: how many bytes that was; nil where nothing can be sent any more.
    package mutating func send(_ bytes: inout ByteBuffer, on id: UInt32, limitBytes: Int = .max) -> Int? {
        guard let stream = streams[id], stream.resetCode == nil, !stream.isSendClosed else { return nil }
        let total = min(bytes.readableBytes, limitBytes, Int(clamping: stream.sendWindow))
        streams[id]?.sendWindow -= UInt64(total)
        var rest = total
        while rest > 0 {
            let count = min(rest, Self.frameLimitBytes)
            guard var part = bytes.readSlice(length: count) else { break }
            YamuxHeader(.data, streamID: id, length: UInt32(count)).write(to: &outbound)
            outbound.writeBuffer(&part)
            rest -= count
        }
        return total
    }

    /// Takes what has come, and gives it back to the peer's window.
    package mutating func read(_ id: UInt32) -> YamuxRead {
        guard let stream = streams[id] else { return .reset(code: 0) }
        if let code = stream.resetCode { return .reset(code: code) }
        let count = stream.unread.readableBytes
        guard count > 0 else { return stream.isReceiveClosed ? .end : .pending }
        streams[id]?.unread = ByteBuffer()
        consumed(count, of: id)
        return .bytes(stream.unread)
    }

    /// Lets `body` take bytes off the front of what has come.
    package mutating func withUnread<Result, Failure: Error>(
        of id: UInt32, _ body: (inout ByteBuffer) throws(Failure) -> Result
    ) throws(Failure) -> Result? {
        guard var unread = streams[id]?.unread, streams[id]?.resetCode == nil else { return nil }
        streams[id]?.unread = ByteBuffer()
        let before = unread.readableBytes
        defer {
            let after = unread.readableBytes
            streams[id]?.unread = after > 0 ? unread : ByteBuffer()
            consumed(before - after, of: id)
        }
        return try body(&unread)
    }

    /// Whether the peer has ended the stream, and everything before the end was read.
    package func isAtEnd(_ id: UInt32) -> Bool {
        guard let stream = streams[id] else { return true }
        return stream.isReceiveClosed && stream.unread.readableBytes == 0
    }

    private mutating func consumed(_ count: Int, of id: UInt32) {
        unreadBytes -= count
        credit(count, to: id)
    }

    private mutating func credit(_ count: Int, to id: UInt32) {
        guard let stream = streams[id], !stream.isReceiveClosed, stream.resetCode == nil else { return }
        let uncredited = stream.uncredited + count
        guard uncredited >= Self.initialWindowBytes / 2 else {
            streams[id]?.uncredited = uncredited
            return
        }
        streams[id]?.uncredited = 0
        streams[id]?.receiveWindow += uncredited
        YamuxHeader(.windowUpdate, streamID: id, length: UInt32(uncredited)).write(to: &outbound)
    }

    /// Says that nothing more will be sent; the peer may go on.
    package mutating func closeWrite(_ id: UInt32) {
        guard let stream = streams[id], !stream.isSendClosed, stream.resetCode == nil else { return }
        streams[id]?.isSendClosed = true
        YamuxHeader(.windowUpdate, .fin, streamID: id).write(to: &outbound)
        removeIfGone(id)
    }

    /// Ends the stream at once, in both directions.
    package mutating func reset(_ id: UInt32, code: UInt32 = 0) {
        guard let stream = streams[id], stream.resetCode == nil else { return }
        YamuxHeader(.windowUpdate, .rst, streamID: id, length: code).write(to: &outbound)
        markReset(id, code: code)
    }

    /// Tells that the owner of a stream has left; every stream has to come to this.
    ///
    /// A stream that was not closed for writing is reset. One that was lives on, unread, until the peer ends it.
    package mutating func release(_ id: UInt32, now: NIODeadline) {
        guard let stream = streams[id], stream.releasedAt == nil else { return }
        if stream.resetCode == nil, !stream.isSendClosed { reset(id) }
        streams[id]?.releasedAt = now
        let unread = stream.resetCode == nil ? streams[id]?.unread.readableBytes ?? 0 : 0
        streams[id]?.unread = ByteBuffer()
        if unread > 0 { consumed(unread, of: id) }
        removeIfGone(id)
    }

    private mutating func markReset(_ id: UInt32, code: UInt32) {
        acknowledge(id)
        unreadBytes -= streams[id]?.unread.readableBytes ?? 0
        streams[id]?.unread = ByteBuffer()
        streams[id]?.resetCode = code
        removeIfGone(id)
    }

    private mutating func removeIfGone(_ id: UInt32) {
        guard let stream = streams[id], stream.isGone else { return }
        acknowledge(id)
        if !stream.isLocal { inboundCount -= 1 }
        streams[id] = nil
    }

    // MARK: The connection

    /// Takes leave: no stream is opened any more, those that are open go on.
    package mutating func goAway(code: UInt32 = 0) {
        guard !isGoing else { return }
        isGoing = true
        YamuxHeader(.goAway, length: code).write(to: &outbound)
    }

    package mutating func ping(now: NIODeadline) {
        guard pingedAt == nil else { return }
        pingValue &+= 1
        pingedAt = now
        YamuxHeader(.ping, .syn, length: pingValue).write(to: &outbound)
    }

    /// To be called every few seconds.
    /// - Throws: ``YamuxError/pingUnanswered`` where the peer is gone without a word.
    package mutating func tick(now: NIODeadline) throws(YamuxError) {
        if let pingedAt {
            guard now - pingedAt < limits.pingTimeout else { throw .pingUnanswered }
        } else if now - lastActivity >= limits.pingInterval {
            ping(now: now)
        }
        for (id, stream) in streams {
            guard let releasedAt = stream.releasedAt, now - releasedAt >= limits.lingerTimeout else { continue }
            reset(id)
        }
    }

    /// libp2p's code for a stream that exceeds a limit.
    private static let refusedCode: UInt32 = 0x1005
}
