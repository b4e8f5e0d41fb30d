internal import Crypto
internal import CryptoExtras
internal import FoundationEssentials

/// Gets the file's key out of a stanza. age-encryption.org/v1, "Recipient stanzas".
enum AgeStanzas {
    static let fileKeyBytes = 16

    /// Nil where the stanza is not for this key.
    /// - Throws: ``AgeError/malformedHeader`` where no age program wrote it.
    static func unwrapX25519(
        _ stanza: AgeHeader.Stanza, with key: Curve25519.KeyAgreement.PrivateKey
    ) throws(AgeError) -> SymmetricKey? {
        guard stanza.arguments.count == 1, let share = StrictBase64.decodeUnpadded(stanza.arguments[0].utf8),
            share.count == 32, stanza.body.count == fileKeyBytes + 16,
            let ephemeral = try? Curve25519.KeyAgreement.PublicKey(rawRepresentation: share)
        else { throw .malformedHeader }
        // A share of low order, which gives everybody the same secret, is refused by the library.
        guard let secret = try? key.sharedSecretFromKeyAgreement(with: ephemeral) else { throw .malformedHeader }
        let wrapping = secret.hkdfDerivedSymmetricKey(
            using: SHA256.self, salt: share + key.publicKey.rawRepresentation,
            sharedInfo: Array("age-encryption.org/v1/X25519".utf8), outputByteCount: 32)
        return open(stanza.body, with: wrapping)
    }

    static func unwrapScrypt(
        _ stanza: AgeHeader.Stanza, passphrase: [UInt8], limit: Int
    ) throws(AgeError) -> SymmetricKey? {
        guard stanza.arguments.count == 2, let salt = StrictBase64.decodeUnpadded(stanza.arguments[0].utf8),
            salt.count == 16, stanza.body.count == fileKeyBytes + 16, let factor = workFactor(stanza.arguments[1])
        else { throw .malformedHeader }
        guard factor <= limit else { throw .workFactorTooHigh(factor, limit: limit) }
        guard
            let wrapping = try? KDF.Scrypt.deriveKey(
                from: passphrase, salt: Array("age-encryption.org/v1/scrypt".utf8) + salt, outputByteCount: 32,
                rounds: 1 << factor, blockSize: 8, parallelism: 1)
        else { throw .malformedHeader }
        return open(stanza.body, with: wrapping)
    }

    /// Decimal, from 1, and in one form alone.
    private static func workFactor(_ text: String) -> Int? {
        guard text.utf8.count <= 3, text.utf8.allSatisfy({ (48...57).contains($0) }), !text.hasPrefix("0") else {
            return nil
        }
        return Int(text)
    }

    private static func open(_ body: [UInt8], with key: SymmetricKey) -> SymmetricKey? {
        // The nonce may be fixed, since the key is used once.
        guard let nonce = try? ChaChaPoly.Nonce(data: [UInt8](repeating: 0, count: 12)),
            let box = try? ChaChaPoly.SealedBox(
                nonce: nonce, ciphertext: body.prefix(fileKeyBytes), tag: body.suffix(16)),
            let opened = try? ChaChaPoly.open(box, using: key)
        else { return nil }
        return SymmetricKey(data: opened)
    }
}
