import InProcessPeers
import LibP2P
import OCI
import PeerRouting
import Testing

@testable import KademliaRouting

struct KeyTests {
    @Test(
        arguments: [
            (
                Samples.nginx, "1220a5279007f4f20936eef9e71d1b7b867e577a3bbf34de9bbec9f88584bac43e1a",
                "d9a86e8b0a6d0d855f12ed2c63eea29ba604ae1c778aab1cfa489f51a5b0f732"
            ),
            (
                "sha256:" + String(repeating: "a", count: 64),
                "12209f447b1b473d359884f2b8541a1ad0b7d194ed59b79e8eee48047ec4830564fd", nil
            ),
        ] as [(String, String, String?)])
    func `a key has Spegel's multihash and place`(_ text: String, _ multihash: String, _ point: String?) {
        let key = ContentKey(text: text)
        #expect(hex(key.multihash) == multihash)
        if let point { #expect(hex(key.point.bytes) == point) }
    }

    /// Spegel's own test has the CID of this key.
    @Test func `the multihash is that of Spegel's CID`() throws {
        let cid = try #require(
            BaseText.decodeBase32("afkreigdvoh7cnza5cwzar65hfdgwpejotszfqx2ha6uuolaofgk54ge6i"))
        #expect(cid.suffix(34) == ContentKey(text: "foobar").multihash[...])
    }

    @Test func `references have Spegel's text`() throws {
        let image = try ImageReference("nginx:1.27.4")
        let tag = try #require(image.tag)
        let key = RoutingKey(registry: image.registry, repository: image.repository, tag: tag)
        #expect(key.description == Samples.nginx)
        let digest = try Digest("sha256:" + String(repeating: "a", count: 64))
        #expect(RoutingKey(digest).description == digest.description)
    }

    @Test func `a peer lies at the hash of its ID`() throws {
        let point = KeyspacePoint(try PeerID(Samples.peerText))
        #expect(hex(point.bytes) == "dfd53212a4bd2beda3ea8e82d08285370c70a70cfe9c588e28754b23c8033121")
        #expect(point.distance(to: point).leadingZeroBitCount == 256)
        #expect(point.commonPrefixLength(with: ContentKey(text: Samples.nginx).point) == 5)
    }
}
