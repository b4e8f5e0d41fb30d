package import NIOCore

/// The key of a private network, as K3s and RKE2 form one.
package struct PrivateNetworkKey: Sendable, Hashable {
    let bytes: [UInt8]

    /// - Throws: ``PrivateNetworkError/wrongLength`` unless there are 32 bytes.
    package init(_ bytes: [UInt8]) throws(PrivateNetworkError) {
        guard bytes.count == XSalsa20.keyLength else { throw .wrongLength }
        self.bytes = bytes
    }

    /// From K3s's `ipsec.psk`: hexadecimal, of which the first 32 bytes count.
    package init(hexadecimal text: some StringProtocol) throws(PrivateNetworkError) {
        let digits = Array(text.utf8)
        guard digits.count >= 2 * XSalsa20.keyLength, digits.count.isMultiple(of: 2) else { throw .wrongLength }
        var bytes: [UInt8] = []
        for index in stride(from: 0, to: digits.count, by: 2) {
            guard let high = Self.value(digits[index]), let low = Self.value(digits[index + 1]) else {
                throw .notHexadecimal
            }
            bytes.append(high << 4 | low)
        }
        self.bytes = Array(bytes[..<XSalsa20.keyLength])
    }

    /// From a file: K3s's `ipsec.psk`, or a `swarm.key` of libp2p's (`/key/swarm/psk/1.0.0/`, the encoding, and the
    /// key on a line each).
    package init(file text: String) throws(PrivateNetworkError) {
        let lines = text.split(whereSeparator: \.isNewline).map { line in
            String(line.drop { $0.isWhitespace }.reversed().drop { $0.isWhitespace }.reversed())
        }.filter { !$0.isEmpty }
        guard lines.first == Self.swarmKeyHeader else {
            guard lines.count == 1 else { throw .notHexadecimal }
            try self.init(hexadecimal: lines[0])
            return
        }
        guard lines.count == 3 else { throw .wrongLength }
        switch lines[1] {
        case "/base16/":
            guard lines[2].utf8.count == 2 * XSalsa20.keyLength else { throw .wrongLength }
            try self.init(hexadecimal: lines[2])
        case "/base64/":
            guard let bytes = Base64.decode(lines[2]) else { throw .notHexadecimal }
            try self.init(bytes)
        default: throw .unknownEncoding
        }
    }

    private static let swarmKeyHeader = "/key/swarm/psk/1.0.0/"

    private static func value(_ digit: UInt8) -> UInt8? {
        switch digit {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): digit - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}

package enum PrivateNetworkError: Error, Hashable, CustomStringConvertible {
    case wrongLength
    case notHexadecimal
    /// Of a `swarm.key`: neither `/base16/` nor `/base64/`.
    case unknownEncoding

    package var description: String {
        switch self {
        case .wrongLength:
            "the network key must have 32 bytes: 64 hexadecimal digits or more, as K3s and RKE2 have them in "
                + "server/cred/ipsec.psk, or a swarm.key of libp2p's"
        case .notHexadecimal:
            "the network key has something else than hexadecimal digits, or than base64 after /base64/"
        case .unknownEncoding: "the second line of a swarm.key must be /base16/ or /base64/"
        }
    }
}

/// Wraps the bytes of one connection. There is no handshake: each side sends 24 random bytes before its first byte,
/// and another key shows as nonsense in what follows.
///
/// libp2p specification, "Pre-shared Key Based Private Networks in IPFS" (pnet).
package struct PrivateNetworkCodec {
    private let key: PrivateNetworkKey
    private let nonce: [UInt8]
    private var sender: XSalsa20?
    private var receiver: XSalsa20?
    /// The other side's nonce, as far as it has come.
    private var partialNonce: [UInt8] = []

    /// - Parameter nonce: 24 random bytes, for this connection alone.
    package init(key: PrivateNetworkKey, nonce: [UInt8]) {
        precondition(nonce.count == XSalsa20.nonceLength)
        self.key = key
        self.nonce = nonce
    }

    package mutating func seal(_ bytes: ByteBuffer) -> ByteBuffer {
        var bytes = bytes
        guard var sender else {
            var first = XSalsa20(key: key.bytes, nonce: nonce)
            first.apply(to: &bytes)
            sender = first
            var wrapped = ByteBuffer(bytes: nonce)
            wrapped.writeBuffer(&bytes)
            return wrapped
        }
        // Put back after use, and not copied meanwhile.
        self.sender = nil
        sender.apply(to: &bytes)
        self.sender = sender
        return bytes
    }

    package mutating func open(_ bytes: ByteBuffer) -> ByteBuffer {
        var bytes = bytes
        if receiver == nil {
            let missing = min(XSalsa20.nonceLength - partialNonce.count, bytes.readableBytes)
            partialNonce += bytes.readBytes(length: missing) ?? []
            guard partialNonce.count == XSalsa20.nonceLength else { return bytes }
            receiver = XSalsa20(key: key.bytes, nonce: partialNonce)
        }
        receiver?.apply(to: &bytes)
        return bytes
    }
}
