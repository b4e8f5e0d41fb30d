package import NIOCore

/// The twelve bytes before each frame of yamux.
///
/// <https://github.com/hashicorp/yamux/blob/master/spec.md>
package struct YamuxHeader: Sendable, Hashable {
    package enum Kind: UInt8, Sendable {
        /// `length` bytes of a stream follow.
        case data = 0
        /// `length` more bytes of the stream may be sent.
        case windowUpdate = 1
        /// `length` is a value to be sent back.
        case ping = 2
        /// `length` is a reason.
        case goAway = 3
    }

    package struct Flags: OptionSet, Sendable, Hashable {
        package let rawValue: UInt16
        package init(rawValue: UInt16) { self.rawValue = rawValue }
        package static let syn = Flags(rawValue: 1)
        package static let ack = Flags(rawValue: 2)
        package static let fin = Flags(rawValue: 4)
        package static let rst = Flags(rawValue: 8)
    }

    package var kind: Kind
    package var flags: Flags
    /// Zero where the frame belongs to the connection.
    package var streamID: UInt32
    package var length: UInt32

    package init(_ kind: Kind, _ flags: Flags = [], streamID: UInt32 = 0, length: UInt32 = 0) {
        self.kind = kind
        self.flags = flags
        self.streamID = streamID
        self.length = length
    }

    /// Takes one header off `bytes`; nil where it is not there whole. Unknown flags are kept and mean nothing.
    package init?(_ bytes: inout ByteBuffer) throws(YamuxError) {
        guard
            let (version, kind, flags, streamID, length) =
                bytes.readMultipleIntegers(as: (UInt8, UInt8, UInt16, UInt32, UInt32).self)
        else { return nil }
        guard version == 0 else { throw .unknownVersion }
        guard let kind = Kind(rawValue: kind) else { throw .unknownFrame }
        self.init(kind, Flags(rawValue: flags), streamID: streamID, length: length)
    }

    package func write(to buffer: inout ByteBuffer) {
        buffer.writeMultipleIntegers(UInt8(0), kind.rawValue, flags.rawValue, streamID, length)
    }

    package static let byteCount = 12
}

/// What ends a connection of yamux.
package enum YamuxError: Error, Hashable, CustomStringConvertible {
    case unknownVersion
    case unknownFrame
    /// A stream of zero, of the wrong parity, or one that is open already.
    case wrongStream
    case windowExceeded
    /// The peer did not answer a ping.
    case pingUnanswered
    /// Too many streams that the peer has not acknowledged, or too many in all. Of opening alone.
    case tooManyStreams
    /// No stream can be opened any more: the peer is going, or all numbers are used.
    case goingAway

    package var description: String {
        switch self {
        case .unknownVersion: "the peer speaks another version of yamux"
        case .unknownFrame: "the peer sent an unknown frame"
        case .wrongStream: "the peer used a stream number that it may not use"
        case .windowExceeded: "the peer sent more than its window allows"
        case .pingUnanswered: "the peer does not answer pings"
        case .tooManyStreams: "too many streams are open"
        case .goingAway: "the connection takes no more streams"
        }
    }

    /// The reason in the frame that takes leave.
    var goAwayCode: UInt32 {
        switch self {
        case .pingUnanswered, .tooManyStreams, .goingAway: 0
        default: 1
        }
    }
}
