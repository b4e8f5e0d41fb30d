package import NIOCore

/// What our own side does with its streams.
extension YamuxSession {
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

    mutating func credit(_ count: Int, to id: UInt32) {
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

    mutating func markReset(_ id: UInt32, code: UInt32) {
        acknowledge(id)
        unreadBytes -= streams[id]?.unread.readableBytes ?? 0
        streams[id]?.unread = ByteBuffer()
        streams[id]?.resetCode = code
        removeIfGone(id)
    }

    mutating func removeIfGone(_ id: UInt32) {
        guard let stream = streams[id], stream.isGone else { return }
        acknowledge(id)
        if !stream.isLocal { inboundCount -= 1 }
        streams[id] = nil
    }
}
