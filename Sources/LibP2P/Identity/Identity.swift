package import Crypto

/// Our own Ed25519 key.
package struct Identity: Sendable {
    package typealias Key = Curve25519.Signing.PrivateKey

    private let key: Key
    package let publicKey: PublicKey
    package let peerID: PeerID

    /// Makes a new key.
    package init() throws(IdentityError) { try self.init(Key()) }

    package init(_ key: Key) throws(IdentityError) {
        self.key = key
        publicKey = try PublicKey(kind: .ed25519, data: Array(key.publicKey.rawRepresentation))
        peerID = PeerID(publicKey)
    }

    package func sign(_ message: [UInt8]) throws -> [UInt8] { Array(try key.signature(for: message)) }

    /// PKCS#8 in PEM, as Spegel's `private.key` (RFC 8410, 7).
    package var pem: String { key.pemText }
}

extension Curve25519.Signing.PrivateKey {
    /// What precedes the 32 bytes of the seed in an Ed25519 key without attributes.
    private static let derPrefix: [UInt8] = [
        0x30, 0x2E, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2B, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
    ]
    private static let opening = "-----BEGIN PRIVATE KEY-----"
    private static let closing = "-----END PRIVATE KEY-----"

    fileprivate var pemText: String {
        "\(Self.opening)\n\(Base64.encode(Self.derPrefix + Array(rawRepresentation)))\n\(Self.closing)\n"
    }

    /// Nil where `pem` is anything else than one unencrypted Ed25519 key.
    init?(pem: String) {
        let lines = pem.split(whereSeparator: \.isNewline).map { $0.filter { !$0.isWhitespace } }
            .filter { !$0.isEmpty }
        guard lines.count >= 3, lines.first == Self.opening.filter({ !$0.isWhitespace }),
            lines.last == Self.closing.filter({ !$0.isWhitespace }),
            let der = Base64.decode(lines[1..<(lines.count - 1)].joined()),
            der.count == Self.derPrefix.count + 32, der.starts(with: Self.derPrefix),
            let key = try? Self(rawRepresentation: der.dropFirst(Self.derPrefix.count))
        else { return nil }
        self = key
    }
}
