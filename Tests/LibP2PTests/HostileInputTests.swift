import HostileInput
import LibP2P
import NIOCore
import ProtobufCoding
import Testing

/// Every parser against bytes near its grammar and far from it: an error or a value, and never the end of the process.
struct HostileInputTests {
    static let seeds: [String] = [
        IdentityTests.ed25519, IdentityTests.ecdsa, "040a2a0007061389", "29fd000000000000000000000000000007061389",
        "a503260024080112201ed1e8fae2c4a144b8be8fd4b47bf3d3b34b871c3cacf6010f0e42d474fce27e",
        "360c706565722e6578616d706c65060001",
    ]

    static func variants(seed: UInt64, count: Int) -> [[UInt8]] {
        var generator = SeededGenerator(seed: seed)
        return (0..<count).map { _ in
            var bytes = hex(seeds[Int.random(in: 0..<seeds.count, using: &generator)])
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                let place = Int.random(in: 0...bytes.count, using: &generator)
                switch Int.random(in: 0..<4, using: &generator) {
                case 0: bytes.insert(UInt8.random(in: 0...255, using: &generator), at: place)
                case 1 where place < bytes.count: bytes.remove(at: place)
                case 2 where place < bytes.count: bytes[place] = UInt8.random(in: 0...255, using: &generator)
                default: bytes = Array(bytes.prefix(place))
                }
            }
            return bytes
        }
    }

    @Test(arguments: 1..<5)
    func `binary parsers give a value that prints and parses again, or an error`(seed: UInt64) throws {
        for bytes in Self.variants(seed: seed, count: 3000) {
            if let address = try? Multiaddr(bytes: bytes) {
                #expect(address.bytes == bytes)
                #expect(try Multiaddr("\(address)") == address)
                _ = (address.endpoint, address.reach, address.peerID, address.withoutPeer)
            }
            if let peer = try? PeerID(bytes: bytes) { #expect(try PeerID("\(peer)") == peer) }
            if let key = try? PublicKey(protobuf: bytes) { #expect(try PublicKey(protobuf: key.protobuf) == key) }
            _ = try? IdentifyMessage(bytes)
            _ = try? Varint.decode(bytes)
        }
    }

    @Test(arguments: 1..<5)
    func `text parsers give a value that prints and parses again, or an error`(seed: UInt64) throws {
        let pieces = [
            "/", "ip4", "ip6", "tcp", "udp", "p2p", "dns4", "10.0.0.1", "::1", "fe80::1", "5001", "65536", "quic-v1",
            MultiaddrTests.peer, "example", "ws", "Qm", "b", "k", "z", "1",
        ]
        for text in hostileTexts(count: 3000, alphabet: pieces, seed: seed) {
            if let address = try? Multiaddr(text) { #expect(try Multiaddr(bytes: address.bytes) == address) }
            if let peer = try? PeerID(text) { #expect(try PeerID(bytes: peer.bytes) == peer) }
            _ = try? PrivateNetworkKey(hexadecimal: text)
        }
    }

    @Test(arguments: 1..<5)
    func `identify keeps no more than its bounds`(seed: UInt64) throws {
        var writer = ProtobufWriter()
        for index in 0..<500 {
            writer.bytes(hex("040a2a0007061389"), field: 2)
            writer.string("/protocol/\(index)", field: 3)
        }
        writer.bytes([0xFF, 0xFF], field: 2)
        writer.string(String(repeating: "x", count: 1000), field: 6)
        let message = try IdentifyMessage(writer.bytes)
        #expect(message.listenAddresses.count == IdentifyMessage.addressCountMax)
        #expect(message.protocols.count == IdentifyMessage.protocolCountMax)
        #expect(message.agentVersion == nil)
    }

    @Test func `identify survives writing and reading, and a push keeps what it does not name`() throws {
        var message = IdentifyMessage()
        message.publicKey = hex(IdentityTests.ed25519)
        message.listenAddresses = [try Multiaddr("/ip4/10.0.0.1/tcp/5001")]
        message.protocols = ["/spegel/kad/1.0.0"]
        message.observedAddress = try Multiaddr("/ip4/10.0.0.2/tcp/40000")
        message.agentVersion = "weir"
        let read = try IdentifyMessage(message.bytes)
        #expect(read.listenAddresses == message.listenAddresses && read.protocols == message.protocols)
        #expect(read.observedAddress == message.observedAddress && read.agentVersion == "weir")
        #expect(read.hasAddresses && read.hasProtocols)
        #expect(try !IdentifyMessage([]).hasAddresses)
    }
}
