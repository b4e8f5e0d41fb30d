/// Why an age file was not decrypted, or a key not read. Descriptions hold nothing of a file or of a key.
package enum AgeError: Error, Hashable, Sendable, CustomStringConvertible {
    /// It does not begin as a file of version 1 does.
    case notAge
    case malformedArmor
    case malformedHeader
    case headerTooLarge
    case payloadTooLarge(limitBytes: Int)
    /// None of the keys is one that the file was encrypted for.
    case noMatchingKey
    /// It was encrypted for keys of a kind that is not supported, and for no other.
    case unsupportedRecipient(kind: String)
    case needsPassphrase
    case wrongPassphrase
    case workFactorTooHigh(Int, limit: Int)
    /// The header was altered after it was written.
    case headerAltered
    /// The content was altered, or cut off.
    case payloadAltered
    case malformedKey
    case unsupportedKey(kind: String)
    /// A file of keys with none in it.
    case noKey

    package var description: String {
        switch self {
        case .notAge: "it is no age file (age-encryption.org/v1)"
        case .malformedArmor: "its ASCII armor is malformed"
        case .malformedHeader: "its age header is malformed"
        case .headerTooLarge: "its age header is too large"
        case .payloadTooLarge(let limit): "its content is larger than \(limit) bytes"
        case .noMatchingKey: "none of the age keys that weir has is one that it was encrypted for"
        case .unsupportedRecipient(let kind):
            "it was encrypted for \(kind) alone; encrypt it for an age X25519 key ('age-keygen') as well"
        case .needsPassphrase: "it was encrypted with a passphrase, and none is configured"
        case .wrongPassphrase: "the passphrase is not the one that it was encrypted with"
        case .workFactorTooHigh(let factor, let limit):
            "its scrypt work factor, \(factor), is above \(limit), which is what age itself writes"
        case .headerAltered: "its age header was altered after it was encrypted"
        case .payloadAltered: "its content was altered or cut off after it was encrypted"
        case .malformedKey: "a line is no age key; a key is AGE-SECRET-KEY-1…, as 'age-keygen' writes it"
        case .unsupportedKey(let kind): "\(kind) are not supported; make an age key with 'age-keygen'"
        case .noKey: "there is no age key in it"
        }
    }
}
