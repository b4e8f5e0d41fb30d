package import Crypto

/// Our X25519 keys of one handshake, both made for it alone.
package struct NoiseKeys: Sendable {
    private let longTerm: Curve25519.KeyAgreement.PrivateKey
    private let ephemeral: Curve25519.KeyAgreement.PrivateKey

    package init(
        static: Curve25519.KeyAgreement.PrivateKey = .init(), ephemeral: Curve25519.KeyAgreement.PrivateKey = .init()
    ) {
        longTerm = `static`
        self.ephemeral = ephemeral
    }

    var staticPublic: [UInt8] { Array(longTerm.publicKey.rawRepresentation) }
    var ephemeralPublic: [UInt8] { Array(ephemeral.publicKey.rawRepresentation) }

    func shared(staticWith remote: [UInt8]) throws(NoiseError) -> [UInt8] { try Self.agree(longTerm, remote) }

    func shared(ephemeralWith remote: [UInt8]) throws(NoiseError) -> [UInt8] { try Self.agree(ephemeral, remote) }

    private static func agree(
        _ own: Curve25519.KeyAgreement.PrivateKey, _ remote: [UInt8]
    ) throws(NoiseError) -> [UInt8] {
        guard let remote = try? Curve25519.KeyAgreement.PublicKey(rawRepresentation: remote),
            let secret = try? own.sharedSecretFromKeyAgreement(with: remote)
        else { throw .weakKey }
        let bytes = secret.withUnsafeBytes { Array($0) }
        // RFC 7748, 6.1: points of low order give zero, whatever our key is.
        guard bytes.contains(where: { $0 != 0 }) else { throw .weakKey }
        return bytes
    }
}
