package import NIOCore

/// One stream, as ``YamuxSession`` keeps it until its owner has let go of it.
struct YamuxStream {
    let isLocal: Bool
    /// Ours alone: whether the peer has taken it.
    var isAcknowledged = false
    /// What may still be sent. Peers grow it by single updates of up to 2^32 - 1.
    var sendWindow = UInt64(YamuxSession.initialWindowBytes)
    /// What the peer may still send.
    var receiveWindow = YamuxSession.initialWindowBytes
    /// Received, and not read yet: at most the window.
    var unread = ByteBuffer()
    /// Read, and not given back to the peer's window yet.
    var uncredited = 0
    var isSendClosed = false
    var isReceiveClosed = false
    /// The code of a reset, by either side. The end of the stream.
    var resetCode: UInt32?
    /// Since when nobody reads any more; what still comes is dropped.
    var releasedAt: NIODeadline?

    init(isLocal: Bool) { self.isLocal = isLocal }

    var isGone: Bool { releasedAt != nil && (resetCode != nil || (isSendClosed && isReceiveClosed)) }
}

package enum YamuxEvent: Sendable, Hashable {
    /// The peer opened a stream.
    case opened(UInt32)
    /// There are bytes to read, or the end of them.
    case readable(UInt32)
    /// The window has grown.
    case writable(UInt32)
    case reset(UInt32, code: UInt32)
    /// The peer takes no more streams.
    case goAway(code: UInt32)
    /// The answer to our ping took this long.
    case ponged(TimeAmount)
}

package enum YamuxRead: Sendable, Hashable {
    case bytes(ByteBuffer)
    case end
    /// Nothing is there yet; ``YamuxEvent/readable(_:)`` will tell.
    case pending
    case reset(code: UInt32)
}
