internal import Crypto
package import KademliaRouting
package import LibP2P

/// Peers to try things with.
package enum Samples {
    /// A peer without a key, the same for every number.
    package static func peer(_ number: Int) throws -> PeerID {
        try PeerID(bytes: [0x12, 0x20] + SHA256.hash(data: Array("peer \(number)".utf8)))
    }

    package static func record(_ number: Int) throws -> PeerRecord {
        PeerRecord(
            peer: try peer(number),
            addresses: [try Multiaddr("/ip4/10.\(number >> 16 & 255).\(number >> 8 & 255).\(number & 255)/tcp/5001")])
    }
}
