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
    enum Position {
        case header
        /// Of a data frame. `isEnd`: the stream ends with it. A stream of nil: the bytes are dropped.
        case payload(UInt32?, remaining: Int, isEnd: Bool)
    }

    /// What every stream begins with in either direction.
    package static let initialWindowBytes = 256 << 10
    /// Longer frames would keep other streams waiting.
    static let frameLimitBytes = 64 << 10

    let role: Role
    let limits: Limits
    var streams: [UInt32: YamuxStream] = [:]
    var nextID: UInt32
    var position = Position.header
    var received = ByteBuffer()
    var inboundCount = 0
    var unacknowledgedCount = 0
    var isPeerGoing = false
    var isGoing = false
    var pingedAt: NIODeadline?
    var pingValue: UInt32 = 0
    var lastActivity: NIODeadline

    /// What is to be sent, to be taken by the owner after every call.
    package var outbound = ByteBuffer()
    /// Bytes of all streams that were received and not read.
    package internal(set) var unreadBytes = 0

    package init(_ role: Role, limits: Limits = Limits(), now: NIODeadline) {
        self.role = role
        self.limits = limits
        nextID = role == .dialer ? 1 : 2
        lastActivity = now
    }

    package var streamCount: Int { streams.count }

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
    static let refusedCode: UInt32 = 0x1005
}
