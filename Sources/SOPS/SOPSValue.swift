internal import Crypto
internal import FoundationEssentials

/// One encrypted value: `ENC[AES256_GCM,data:…,iv:…,tag:…,type:…]`. getsops/sops, aes/cipher.go.
struct SOPSValue {
    let data: [UInt8]
    let nonce: [UInt8]
    let tag: [UInt8]
    let type: String

    /// Nil where `text` has not this form.
    init?(_ text: String) {
        let prefix = "ENC[AES256_GCM,"
        guard text.hasPrefix(prefix), text.hasSuffix("]") else { return nil }
        let fields = text.dropFirst(prefix.count).dropLast().split(separator: ",", omittingEmptySubsequences: false)
        guard fields.count == 4, let data = Self.bytes(fields[0], "data:"), let nonce = Self.bytes(fields[1], "iv:"),
            let tag = Self.bytes(fields[2], "tag:"), fields[3].hasPrefix("type:")
        else { return nil }
        // SOPS takes 32 bytes; the limits are those of the cipher.
        guard !data.isEmpty, (12...64).contains(nonce.count), tag.count == 16 else { return nil }
        self.data = data
        self.nonce = nonce
        self.tag = tag
        type = String(fields[3].dropFirst(5))
    }

    private static func bytes(_ field: Substring, _ name: String) -> [UInt8]? {
        guard field.hasPrefix(name) else { return nil }
        return Data(base64Encoded: String(field.dropFirst(name.count))).map { Array($0) }
    }

    /// The plain bytes; nil where the value, or what it is authenticated with, was altered.
    func open(with key: SymmetricKey, authenticating context: String) -> [UInt8]? {
        guard let nonce = try? AES.GCM.Nonce(data: nonce),
            let box = try? AES.GCM.SealedBox(nonce: nonce, ciphertext: data, tag: tag),
            let opened = try? AES.GCM.open(box, using: key, authenticating: Array(context.utf8))
        else { return nil }
        return Array(opened)
    }
}
