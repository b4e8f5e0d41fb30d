internal import Crypto

/// A file encrypted by age, binary or in ASCII armor. https://age-encryption.org/v1
package enum AgeFile {
    /// Whether `bytes` begin as such a file does.
    package static func isEncrypted(_ bytes: [UInt8]) -> Bool {
        bytes.starts(with: AgeHeader.version) || AgeArmor.isArmored(bytes)
    }

    /// The content of `file`. Nothing of it is returned before all of it was authenticated.
    package static func decrypt(
        _ file: [UInt8], keys: [AgeKey], limits: AgeLimits = AgeLimits()
    ) throws(AgeError) -> [UInt8] {
        // Armor makes four bytes of three, and has a line's end after each 64.
        let largest = (limits.headerBytes + limits.payloadBytes) * 2 + (1 << 16)
        guard file.count <= largest else { throw .payloadTooLarge(limitBytes: limits.payloadBytes) }
        let binary = AgeArmor.isArmored(file) ? try AgeArmor.decode(file) : file
        let header = try AgeHeader(binary, limitBytes: limits.headerBytes)
        let fileKey = try fileKey(of: header, keys: keys, limits: limits)
        let macKey = HKDF<SHA256>.deriveKey(
            inputKeyMaterial: fileKey, salt: [UInt8](), info: Array("header".utf8), outputByteCount: 32)
        guard
            HMAC<SHA256>.isValidAuthenticationCode(header.mac, authenticating: header.authenticated, using: macKey)
        else { throw .headerAltered }
        return try AgePayload.decrypt(header.payload, fileKey: fileKey, limitBytes: limits.payloadBytes)
    }

    private static func fileKey(
        of header: AgeHeader, keys: [AgeKey], limits: AgeLimits
    ) throws(AgeError) -> SymmetricKey {
        if header.stanzas.contains(where: { $0.kind == "scrypt" }) {
            return try passphraseKey(of: header, keys: keys, limits: limits)
        }
        for stanza in header.stanzas where stanza.kind == "X25519" {
            for case .x25519(let key) in keys.map(\.form) {
                if let fileKey = try AgeStanzas.unwrapX25519(stanza, with: key) { return fileKey }
            }
        }
        throw mismatch(header)
    }

    private static func passphraseKey(
        of header: AgeHeader, keys: [AgeKey], limits: AgeLimits
    ) throws(AgeError) -> SymmetricKey {
        // With another recipient beside it, who reads the file could not know who wrote it.
        guard header.stanzas.count == 1 else { throw .malformedHeader }
        var wasTried = false
        for case .passphrase(let passphrase) in keys.map(\.form) {
            wasTried = true
            let stanza = header.stanzas[0]
            if let key = try AgeStanzas.unwrapScrypt(stanza, passphrase: passphrase, limit: limits.workFactor) {
                return key
            }
        }
        throw wasTried ? .wrongPassphrase : .needsPassphrase
    }

    /// Names a kind that is not supported, where that is the reason. Unknown kinds are there to be passed over.
    private static func mismatch(_ header: AgeHeader) -> AgeError {
        let kinds = header.stanzas.map(\.kind).filter { !$0.hasSuffix("-grease") }
        if kinds.contains("X25519") { return .noMatchingKey }
        if kinds.contains(where: { $0 == "ssh-rsa" || $0 == "ssh-ed25519" }) {
            return .unsupportedRecipient(kind: "SSH keys")
        }
        if kinds.contains(where: { $0.hasPrefix("mlkem") }) {
            return .unsupportedRecipient(kind: "post-quantum age keys")
        }
        return kinds.isEmpty ? .noMatchingKey : .unsupportedRecipient(kind: "keys of age plugins")
    }
}
