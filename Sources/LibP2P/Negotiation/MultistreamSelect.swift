package import NIOCore
internal import ProtobufCoding

/// Agrees on one protocol of a list: multistream-select 1.0.
///
/// Bytes go in by ``receive(_:)``, what is to be sent accumulates in ``outbound``. What follows the agreement in the
/// input stays there, since initiators send their first request along. `ls` is answered like an unknown protocol.
/// <https://github.com/multiformats/multistream-select>
package struct MultistreamSelect {
    package enum Role: Sendable, Hashable {
        case dialer
        case listener
    }

    private enum State: Hashable {
        /// Goes to `proposing`.
        case awaitingHeader
        /// The dialer proposed the protocol at this place of its list; the listener waits for a proposal. Goes to
        /// `selected`, or to itself with the next proposal.
        case proposing(Int)
        case selected
    }

    private let role: Role
    private let protocols: [String]
    private var state = State.awaitingHeader
    private var refusals = 0
    /// What is to be sent, to be taken by the caller.
    package var outbound = ByteBuffer()

    /// - Parameter protocols: what the dialer proposes, in its order, or what the listener accepts.
    /// - Precondition: there is at least one, and none is longer than a message may be.
    package init(_ role: Role, _ protocols: [String]) {
        precondition(!protocols.isEmpty)
        self.role = role
        self.protocols = protocols
        guard role == .dialer else { return }
        // Header and proposal leave in one write.
        send(Self.header)
        send(protocols[0])
    }

    /// Whether the other side has said that it speaks multistream-select.
    var hasHeardPeer: Bool { state != .awaitingHeader }

    /// - Returns: the protocol both agreed on, or nil where more bytes are needed.
    package mutating func receive(_ bytes: inout ByteBuffer) throws(MultistreamError) -> String? {
        while state != .selected {
            if state == .awaitingHeader {
                // Noticed by the first byte, as another protocol might wait for us instead of going on.
                guard Self.headerLine.starts(with: bytes.readableBytesView.prefix(Self.headerLine.count)) else {
                    throw .notMultistream
                }
            }
            guard let message = try Self.nextMessage(&bytes) else { return nil }
            switch state {
            case .awaitingHeader:
                guard message == Self.header else { throw .notMultistream }
                if role == .listener { send(Self.header) }
                state = .proposing(0)
            case .proposing(let index):
                let selected = role == .dialer ? try dialerReceived(message, index) : try listenerReceived(message)
                if let selected {
                    state = .selected
                    return selected
                }
            case .selected: break
            }
        }
        return nil
    }

    private mutating func dialerReceived(_ message: String, _ index: Int) throws(MultistreamError) -> String? {
        if message == protocols[index] { return message }
        guard message == Self.refusal else { throw .unexpectedAnswer }
        guard index + 1 < protocols.count else { throw .nothingInCommon }
        state = .proposing(index + 1)
        send(protocols[index + 1])
        return nil
    }

    private mutating func listenerReceived(_ message: String) throws(MultistreamError) -> String? {
        if protocols.contains(message) {
            send(message)
            return message
        }
        refusals += 1
        guard refusals <= Self.proposalCountMax else { throw .tooManyProposals }
        send(Self.refusal)
        return nil
    }

    private mutating func send(_ message: String) {
        let line = Array(message.utf8) + [UInt8(ascii: "\n")]
        outbound.writeBytes(Varint.encode(line.count))
        outbound.writeBytes(line)
    }

    /// Takes one message off `bytes`, without its newline; nil where it is not there whole.
    private static func nextMessage(_ bytes: inout ByteBuffer) throws(MultistreamError) -> String? {
        let prefix: (value: UInt64, length: Int)?
        do { prefix = try Varint.decode(bytes.readableBytesView.prefix(Varint.lengthMax)) } catch {
            throw .notMultistream
        }
        guard let prefix else { return nil }
        guard (1...UInt64(messageLimitBytes)).contains(prefix.value) else { throw .notMultistream }
        let length = Int(prefix.value)
        guard bytes.readableBytes >= prefix.length + length else { return nil }
        bytes.moveReaderIndex(forwardBy: prefix.length)
        let line = bytes.readBytes(length: length) ?? []
        guard line.last == UInt8(ascii: "\n"), let text = String(validating: line.dropLast(), as: UTF8.self) else {
            throw .notMultistream
        }
        return text
    }

    private static let header = "/multistream/1.0.0"
    /// With its length and newline.
    private static let headerLine = [0x13] + Array("/multistream/1.0.0\n".utf8)
    private static let refusal = "na"
    /// As go-multistream has it.
    private static let messageLimitBytes = 1024
    /// Unknown protocols a dialer may propose before it is hung up on.
    private static let proposalCountMax = 32
}

package enum MultistreamError: Error, Hashable, CustomStringConvertible {
    /// Not the header, or no message: another protocol, or another private network's key.
    case notMultistream
    case unexpectedAnswer
    case nothingInCommon
    case tooManyProposals

    package var description: String {
        switch self {
        case .notMultistream: "the peer does not speak multistream-select, or has another network key"
        case .unexpectedAnswer: "the peer answered with a protocol that was not proposed"
        case .nothingInCommon: "the peer speaks none of the proposed protocols"
        case .tooManyProposals: "the peer proposed too many unknown protocols"
        }
    }
}
