internal import Crypto
internal import JSON
package import LibP2P

/// A public key of a central Weir, Ed25519.
package struct GrantKey: Sendable, Hashable, CustomStringConvertible {
    let key: PublicKey
    /// Names the key where it signs: 16 hexadecimal digits of its SHA-256.
    package let id: String

    package init(_ identity: Identity) {
        key = identity.publicKey
        id = Self.id(key)
    }

    /// Parses 32 bytes in base64, as ``description`` gives them.
    package init(_ text: some StringProtocol) throws(GrantError) {
        guard text.utf8.count <= 64, let bytes = Base64.decoded(text.utf8), bytes.count == 32,
            let key = try? PublicKey(kind: .ed25519, data: bytes)
        else { throw .malformed }
        self.key = key
        id = Self.id(key)
    }

    package var description: String { Base64.encoded(key.data) }

    private static func id(_ key: PublicKey) -> String {
        SHA256.hash(data: key.data).prefix(8).map { byte in
            let digits = String(byte, radix: 16)
            return digits.count == 1 ? "0\(digits)" : digits
        }.joined()
    }
}

/// The keys whose signatures count; more than one while keys change.
package struct GrantKeyRing: Sendable, Hashable {
    static let countMax = 8

    private let keys: [String: GrantKey]

    package init(_ keys: some Sequence<GrantKey>) {
        self.keys = Dictionary(keys.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
    }

    package var isEmpty: Bool { keys.isEmpty }

    subscript(id: String) -> GrantKey? { keys[id] }
}
