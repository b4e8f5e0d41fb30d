import NIOCore
import Testing

@testable import LibP2P

struct PrivateNetworkTests {
    static let key = "1b27556473e985d462cd51197a9a46c76009549eac6474f206c4ee0844f68389"
    static let nonce = "69696ee955b62b73cd62bda875fc73d68219e0036b7a0b37"

    @Test func `XSalsa20 has the key stream of its paper`() {
        let subkey = XSalsa20.subkey(key: hex(Self.key), nonce: Array(hex(Self.nonce)[..<16]))
        #expect(hex(subkey) == "dc908dda0b9344a953629b733820778880f3ceb421bb61b91cbd4c3e66256ce4")
        var cipher = XSalsa20(key: hex(Self.key), nonce: hex(Self.nonce))
        var buffer = ByteBuffer(bytes: [UInt8](repeating: 0, count: 32))
        cipher.apply(to: &buffer)
        #expect(hex(buffer.readableBytesView) == "eea6a7251c1e72916d11c2cb214d3c252539121d8e234e652d651fa4c8cff880")
    }

    @Test func `the key stream goes on over any cut of the bytes`() {
        let whole = Self.stream(cuts: [1000])
        #expect(Self.stream(cuts: [1, 63, 64, 65, 7, 800]) == whole)
        #expect(Set(whole).count > 100, "a key stream has all kinds of bytes")
    }

    private static func stream(cuts: [Int]) -> [UInt8] {
        var cipher = XSalsa20(key: hex(key), nonce: hex(nonce))
        return cuts.flatMap { count in
            var buffer = ByteBuffer(bytes: [UInt8](repeating: 0, count: count))
            cipher.apply(to: &buffer)
            return Array(buffer.readableBytesView)
        }
    }

    @Test func `the nonce comes first and once, and what was wrapped comes out`() throws {
        let key = try PrivateNetworkKey(hexadecimal: Self.key)
        var sender = PrivateNetworkCodec(key: key, nonce: hex(Self.nonce))
        var receiver = PrivateNetworkCodec(key: key, nonce: [UInt8](repeating: 1, count: 24))
        let first = sender.seal(ByteBuffer(string: "hello"))
        #expect(Array(first.readableBytesView.prefix(24)) == hex(Self.nonce))
        var all = first
        all.writeImmutableBuffer(sender.seal(ByteBuffer(string: " world")))
        #expect(all.readableBytes == 24 + 11)
        var text = ""
        while all.readableBytes > 0, let part = all.readSlice(length: min(5, all.readableBytes)) {
            text += String(buffer: receiver.open(part))
        }
        #expect(text == "hello world")
    }

    @Test(arguments: ["", "00", String(repeating: "0", count: 63), String(repeating: "g", count: 64)])
    func `what is no key is refused`(_ text: String) {
        #expect(throws: PrivateNetworkError.self) { try PrivateNetworkKey(hexadecimal: text) }
    }

    @Test func `K3s's longer key counts with its first 32 bytes`() throws {
        let long = try PrivateNetworkKey(hexadecimal: Self.key + String(repeating: "ab", count: 16))
        #expect(long == (try PrivateNetworkKey(hexadecimal: Self.key)))
    }
}
