internal import Crypto

/// Who a peer is: a multihash of its public key.
///
/// Keys whose protobuf has 42 bytes or fewer are contained whole (identity multihash), others by SHA-256.
/// libp2p specification, "Peer Ids and Keys".
package struct PeerID: Sendable, Hashable, CustomStringConvertible {
    /// The multihash.
    package let bytes: [UInt8]

    package init(_ key: PublicKey) {
        let protobuf = key.protobuf
        if protobuf.count <= Self.inlineKeyLimitBytes {
            bytes = [0x00, UInt8(protobuf.count)] + protobuf
        } else {
            bytes = [0x12, 0x20] + SHA256.hash(data: protobuf)
        }
    }

    /// Accepts the two forms of multihash that a peer ID has, of exactly their length.
    package init(bytes: some Collection<UInt8>) throws(IdentityError) {
        let bytes = Array(bytes)
        guard bytes.count >= 2 else { throw .malformedPeerID }
        switch bytes[0] {
        case 0x00:
            guard Int(bytes[1]) <= Self.inlineKeyLimitBytes, bytes[1] > 0, bytes.count == 2 + Int(bytes[1]) else {
                throw .malformedPeerID
            }
        case 0x12:
            guard bytes[1] == 0x20, bytes.count == 34 else { throw .malformedPeerID }
        default: throw .malformedPeerID
        }
        self.bytes = bytes
    }

    /// Parses base58btc (`12D3Koo…`, `Qm…`) or a version 1 CID with the codec `libp2p-key` in base32, base36 or
    /// base58btc.
    package init(_ text: some StringProtocol) throws(IdentityError) {
        if text.hasPrefix("Qm") || text.hasPrefix("1") {
            guard let bytes = BaseText.base58.decode(text) else { throw .malformedPeerID }
            try self.init(bytes: bytes)
            return
        }
        let digits = text.dropFirst()
        let cid: [UInt8]? =
            switch text.first {
            case "b": BaseText.decodeBase32(digits)
            case "k": BaseText.base36.decode(digits)
            case "z": BaseText.base58.decode(digits)
            default: nil
            }
        guard let cid, cid.starts(with: [0x01, 0x72]) else { throw .malformedPeerID }
        try self.init(bytes: cid.dropFirst(2))
    }

    /// base58btc, as everybody prints it.
    package var description: String { BaseText.base58.encode(bytes) }

    /// In one piece: the hash of an array takes its bytes one by one.
    package func hash(into hasher: inout Hasher) { bytes.withUnsafeBytes { hasher.combine(bytes: $0) } }

    private static let inlineKeyLimitBytes = 42
    /// The longest multihash that ``init(bytes:)`` accepts.
    package static let lengthMax = 2 + inlineKeyLimitBytes
}
