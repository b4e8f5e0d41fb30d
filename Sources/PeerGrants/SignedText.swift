internal import JSON
internal import LibP2P

/// Bytes and who signed them, as one word: `KEY.BYTES.SIGNATURE`, the last two in base64url (RFC 4648, 5).
///
/// What is signed begins with its purpose, so that a signature for one purpose is none for another.
enum SignedText {
    /// - Parameter purpose: without a zero byte.
    static func sign(_ bytes: [UInt8], purpose: String, with identity: Identity) throws(GrantError) -> String {
        let signature: [UInt8]
        do {
            signature = try identity.sign(message(bytes, purpose))
        } catch {
            throw .unsigned
        }
        return "\(GrantKey(identity).id).\(Base64URL.encoded(bytes)).\(Base64URL.encoded(signature))"
    }

    /// The bytes, once it is certain that one of `keys` has signed them for `purpose`.
    static func open(
        _ text: String, purpose: String, limitBytes: Int, keys: GrantKeyRing
    ) throws(GrantError) -> [UInt8] {
        guard text.utf8.count <= limitBytes else { throw .tooLarge }
        let parts = text.split(separator: ".", maxSplits: 3, omittingEmptySubsequences: false)
        guard parts.count == 3, let bytes = Base64URL.decoded(parts[1]), let signature = Base64URL.decoded(parts[2]),
            signature.count == 64
        else { throw .malformed }
        guard let key = keys[String(parts[0])] else { throw .unknownKey }
        guard key.key.isValid(signature: signature, of: message(bytes, purpose)) else { throw .wrongSignature }
        return bytes
    }

    private static func message(_ bytes: [UInt8], _ purpose: String) -> [UInt8] { Array(purpose.utf8) + [0] + bytes }
}

/// RFC 4648, section 5, without padding.
enum Base64URL {
    static func encoded(_ bytes: [UInt8]) -> String {
        let text = Base64.encoded(bytes).utf8.compactMap { byte -> UInt8? in
            switch byte {
            case UInt8(ascii: "+"): UInt8(ascii: "-")
            case UInt8(ascii: "/"): UInt8(ascii: "_")
            case UInt8(ascii: "="): nil
            default: byte
            }
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// Nil for anything but the digits of this alphabet.
    static func decoded(_ text: some StringProtocol) -> [UInt8]? {
        var digits: [UInt8] = []
        digits.reserveCapacity(text.utf8.count)
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "-"): digits.append(UInt8(ascii: "+"))
            case UInt8(ascii: "_"): digits.append(UInt8(ascii: "/"))
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"):
                digits.append(byte)
            default: return nil
            }
        }
        return Base64.decoded(digits)
    }
}
