internal import Yams

/// What the `sops` key of an encrypted file says. getsops/sops, stores/stores.go.
struct SOPSMetadata {
    /// The key under which SOPS keeps its own.
    static let key = "sops"
    /// Recipients that are tried, at the most: each one costs a few calculations.
    private static let recipientLimit = 128

    /// The data key, in ASCII armor, once for each recipient.
    var encryptedDataKeys: [String]
    /// The encrypted MAC of the values.
    var mac: String
    /// Authenticated with the MAC: RFC 3339.
    var lastModified: String
    var selection: SOPSSelection
    /// Whether the MAC is over the encrypted values alone.
    var macCoversEncryptedAlone: Bool

    init(_ node: Node) throws(SOPSError) {
        guard case .mapping(let mapping) = node else { throw SOPSError(.malformedMetadata("age")) }
        guard Self.list(mapping["key_groups"]).isEmpty else { throw SOPSError(.splitKey) }
        for name in ["unencrypted_comment_regex", "encrypted_comment_regex"] where Self.text(mapping[name]) != nil {
            throw SOPSError(.commentRules)
        }
        encryptedDataKeys = Self.list(mapping["age"]).prefix(Self.recipientLimit).compactMap {
            Self.text($0.mapping?["enc"])
        }
        if encryptedDataKeys.isEmpty {
            let kinds = [
                ("kms", "AWS KMS"), ("gcp_kms", "Google Cloud KMS"), ("azure_kv", "Azure Key Vault"),
                ("hc_vault", "HashiCorp Vault"), ("hckms", "Huawei Cloud KMS"), ("pgp", "PGP"),
            ].filter { !Self.list(mapping[$0.0]).isEmpty }.map(\.1)
            throw SOPSError(kinds.isEmpty ? .malformedMetadata("age") : .unsupportedKeys(kinds))
        }
        // Without a MAC nothing would say that the values belong together.
        guard let mac = Self.text(mapping["mac"]) else { throw SOPSError(.malformedMetadata("mac")) }
        guard let modified = Self.text(mapping["lastmodified"]), modified.utf8.count <= 64 else {
            throw SOPSError(.malformedMetadata("lastmodified"))
        }
        self.mac = mac
        lastModified = Self.withoutFraction(modified)
        selection = try SOPSSelection(
            unencryptedSuffix: Self.text(mapping["unencrypted_suffix"]),
            encryptedSuffix: Self.text(mapping["encrypted_suffix"]),
            unencryptedRegex: Self.text(mapping["unencrypted_regex"]),
            encryptedRegex: Self.text(mapping["encrypted_regex"]))
        macCoversEncryptedAlone = Self.text(mapping["mac_only_encrypted"]) == "true"
    }

    private static func list(_ node: Node?) -> [Node] {
        guard case .sequence(let sequence)? = node else { return [] }
        return Array(sequence)
    }

    /// Nil for what is absent, empty or no scalar.
    private static func text(_ node: Node?) -> String? {
        guard case .scalar(let scalar)? = node, !scalar.string.isEmpty else { return nil }
        return scalar.string == "null" || scalar.string == "~" ? nil : scalar.string
    }

    /// SOPS writes the moment anew in whole seconds before it authenticates it.
    private static func withoutFraction(_ text: String) -> String {
        guard let point = text.firstIndex(of: ".") else { return text }
        return String(text[..<point]) + text[text.index(after: point)...].drop { $0.isNumber }
    }
}
