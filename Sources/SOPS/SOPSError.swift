package import AgeEncryption

/// Why a file encrypted by SOPS was not decrypted. Descriptions hold nothing of its values.
package struct SOPSError: Error, Hashable, Sendable, CustomStringConvertible {
    package enum Reason: Hashable, Sendable {
        case malformedMetadata(String)
        /// The data key is encrypted for keys of other kinds alone.
        case unsupportedKeys([String])
        /// The data key is split over groups of keys (Shamir's secret sharing).
        case splitKey
        case commentRules
        case dataKey(AgeError)
        /// There is no age key to try.
        case noKey
        case notEncrypted
        case malformedValue
        case valueAltered
        case unsupportedType(String)
        case unencryptedDate
        case unsupportedNumber
        case macMismatch
        case macAltered
    }

    package let reason: Reason
    /// Where the value stands, from 1; nil where it concerns the whole file.
    package let line: Int?
    package let column: Int?

    init(_ reason: Reason, line: Int? = nil, column: Int? = nil) {
        self.reason = reason
        self.line = line
        self.column = column
    }

    package var description: String {
        switch reason {
        case .malformedMetadata(let field): "its SOPS metadata have no usable '\(field)'"
        case .unsupportedKeys(let kinds):
            "its data key is encrypted for \(kinds.joined(separator: " and ")) alone, which weir cannot ask; add an age "
                + "recipient ('sops rotate --add-age …')"
        case .splitKey: "its data key is split over groups of keys, which weir does not put together; use one group"
        case .commentRules:
            "it was encrypted by rules about comments (encrypted_comment_regex, unencrypted_comment_regex), which weir "
                + "does not follow; encrypt it by rules about keys"
        case .dataKey(let error): "its data key cannot be had: \(error)"
        case .noKey:
            "it is encrypted by SOPS, and there is no age key to decrypt it with; set SOPS_AGE_KEY_FILE, SOPS_AGE_KEY, "
                + "or 'decryption.ageKeyFile'"
        case .notEncrypted: "the value is not encrypted, though it should be by the file's own rules"
        case .malformedValue: "the encrypted value is malformed"
        case .valueAltered: "the encrypted value was altered, or stood under another key"
        case .unsupportedType(let type): "the encrypted value has the type '\(type)', which SOPS does not write"
        case .unencryptedDate: "a date stands here without quotes; quote it and encrypt the file again"
        case .unsupportedNumber: "the number is outside of what SOPS can authenticate"
        case .macMismatch:
            "its values are not those that were encrypted (the MAC does not match); restore it, or edit it with sops"
        case .macAltered: "its MAC was altered, or is another file's"
        }
    }
}
