package import PeerRouting

/// A routing key as the network has it: the multihash of its text.
///
/// Spegel makes a CID (version 1, raw) of the text's SHA-256; of that only the multihash travels.
package struct ContentKey: Sendable, Hashable {
    // The text's SHA-256. Numbers and no array: a node has thousands of keys for as long as it runs.
    let hash: KeyspacePoint
    /// Where the key lies: a hash of the multihash.
    package let point: KeyspacePoint

    /// 34 bytes: SHA-256, 32 bytes long, and the hash.
    package var multihash: [UInt8] { [0x12, 0x20] + hash.bytes }

    package init(_ key: RoutingKey) { self.init(text: key.description) }

    /// A key that was taken apart. `point` has to be its place.
    init(hash: KeyspacePoint, at point: KeyspacePoint) {
        self.hash = hash
        self.point = point
    }

    package init(text: String) {
        hash = KeyspacePoint(hashing: text.utf8)
        point = KeyspacePoint(hashing: [0x12, 0x20] + hash.bytes)
    }
}
