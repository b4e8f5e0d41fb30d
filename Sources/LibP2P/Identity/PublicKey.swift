internal import Crypto
internal import ProtobufCoding

/// The key a peer proves to hold, in the kinds that Spegel and K3s use.
///
/// libp2p specification, "Peer Ids and Keys".
package struct PublicKey: Sendable, Hashable {
    package enum Kind: UInt64, Sendable {
        case ed25519 = 1
        /// On the curve P-256; no other is accepted.
        case ecdsa = 3
    }

    package let kind: Kind
    /// 32 bytes for Ed25519, a SubjectPublicKeyInfo in DER for ECDSA.
    package let data: [UInt8]

    /// Checks that `data` is a key of its kind.
    package init(kind: Kind, data: [UInt8]) throws(IdentityError) {
        switch kind {
        case .ed25519:
            guard (try? Curve25519.Signing.PublicKey(rawRepresentation: data)) != nil else { throw .malformedKey }
        case .ecdsa:
            guard data.count <= Self.ecdsaLimitBytes, (try? P256.Signing.PublicKey(derRepresentation: data)) != nil
            else { throw .malformedKey }
        }
        self.kind = kind
        self.data = data
    }

    /// Parses the protobuf message `PublicKey`.
    package init(protobuf: some Collection<UInt8>) throws(IdentityError) {
        var kind: UInt64?
        var data: [UInt8]?
        var reader = ProtobufReader(ArraySlice(protobuf))
        do {
            while let (number, value) = try reader.next() {
                switch (number, value) {
                case (1, .varint(let number)): kind = number
                case (2, .bytes(let bytes)): data = Array(bytes)
                default: break
                }
            }
        } catch {
            throw .malformedKey
        }
        guard let kind, let data else { throw .malformedKey }
        guard let known = Kind(rawValue: kind) else { throw .unsupportedKey(kind: kind) }
        try self.init(kind: known, data: data)
    }

    /// The deterministic form, from which the peer ID is made.
    package var protobuf: [UInt8] {
        var writer = ProtobufWriter()
        writer.varint(kind.rawValue, field: 1)
        writer.bytes(data, field: 2)
        return writer.bytes
    }

    package func isValid(signature: [UInt8], of message: [UInt8]) -> Bool {
        switch kind {
        case .ed25519:
            guard let key = try? Curve25519.Signing.PublicKey(rawRepresentation: data) else { return false }
            return key.isValidSignature(signature, for: message)
        case .ecdsa:
            guard let key = try? P256.Signing.PublicKey(derRepresentation: data),
                let signature = try? P256.Signing.ECDSASignature(derRepresentation: signature)
            else { return false }
            return key.isValidSignature(signature, for: message)
        }
    }

    /// A P-256 key has 91 bytes.
    private static let ecdsaLimitBytes = 256
}

/// Why something is no key, no peer ID, or no identity file.
package enum IdentityError: Error, Hashable, CustomStringConvertible {
    case malformedKey
    /// RSA (0) and secp256k1 (2) are used neither by Spegel nor by K3s.
    case unsupportedKey(kind: UInt64)
    case malformedPeerID
    case malformedFile(path: String)
    case unreadableFile(path: String, reason: String)

    package var description: String {
        switch self {
        case .malformedKey: "the public key is malformed, or on another curve than P-256"
        case .unsupportedKey(let kind): "public keys of kind \(kind) are not supported"
        case .malformedPeerID: "the peer ID is malformed"
        case .malformedFile(let path):
            "\(path) is no Ed25519 key in PKCS#8 (PEM); remove it, and a new one is made, under which peers get to know "
                + "this node anew"
        case .unreadableFile(let path, let reason): "\(path): \(reason)"
        }
    }
}
