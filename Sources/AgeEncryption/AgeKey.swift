internal import Crypto

/// A key that files are decrypted with. Never printed.
package struct AgeKey: Sendable, CustomStringConvertible, CustomReflectable {
    enum Form: Sendable {
        case x25519(Curve25519.KeyAgreement.PrivateKey)
        case passphrase([UInt8])
    }

    let form: Form

    /// `AGE-SECRET-KEY-1…`, an X25519 key as `age-keygen` writes it.
    package init(_ text: String) throws(AgeError) {
        if let kind = Self.unsupportedKind(text) { throw .unsupportedKey(kind: kind) }
        guard let bytes = Bech32.decode(text, prefix: "age-secret-key-"), bytes.count == 32,
            let key = try? Curve25519.KeyAgreement.PrivateKey(rawRepresentation: bytes)
        else { throw .malformedKey }
        form = .x25519(key)
    }

    private init(form: Form) { self.form = form }

    /// What a file was encrypted with by `age --passphrase`.
    package static func passphrase(_ text: String) -> AgeKey { AgeKey(form: .passphrase(Array(text.utf8))) }

    /// The keys of a file as `age-keygen` writes it: one on each line, and comments.
    /// - Throws: ``AgeError/noKey`` where there is none.
    package static func keys(in text: String) throws(AgeError) -> [AgeKey] {
        var keys: [AgeKey] = []
        for line in text.split(whereSeparator: \.isNewline) {
            let line = line.drop { $0 == " " || $0 == "\t" }
            guard let first = line.first, first != "#" else { continue }
            keys.append(try AgeKey(String(line.prefix { $0 != " " && $0 != "\t" })))
        }
        guard !keys.isEmpty else { throw .noKey }
        return keys
    }

    private static func unsupportedKind(_ text: String) -> String? {
        let text = text.uppercased()
        if text.hasPrefix("AGE-PLUGIN-") { return "keys of age plugins" }
        if text.hasPrefix("AGE-SECRET-KEY-PQ-") { return "post-quantum age keys" }
        if text.hasPrefix("SSH-") || text.hasPrefix("-----BEGIN") { return "SSH keys" }
        if text.hasPrefix("AGE1") { return "public keys (recipients) in place of secret ones" }
        return nil
    }

    package var description: String { "an age key" }
    package var customMirror: Mirror { Mirror(self, children: [:]) }
}
