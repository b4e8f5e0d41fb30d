internal import Crypto
package import PeerRouting

/// A routing key as the network has it: the multihash of its text.
///
/// Spegel makes a CID (version 1, raw) of the text's SHA-256; of that only the multihash travels.
package struct ContentKey: Sendable, Hashable {
    /// 34 bytes: SHA-256, 32 bytes long, and the hash.
    package let multihash: [UInt8]
    /// Where the key lies: a hash of the hash.
    package let point: KeyspacePoint

    package init(_ key: RoutingKey) { self.init(text: key.description) }

    package init(text: String) {
        multihash = [0x12, 0x20] + SHA256.hash(data: Array(text.utf8))
        point = KeyspacePoint(hashing: multihash)
    }
}
