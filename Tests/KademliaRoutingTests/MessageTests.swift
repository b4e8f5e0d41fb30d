import HostileInput
import InProcessPeers
import LibP2P
import ProtobufCoding
import Testing

@testable import KademliaRouting

struct MessageTests {
    static let id = "0024080112201ed1e8fae2c4a144b8be8fd4b47bf3d3b34b871c3cacf6010f0e42d474fce27e"
    static let key = "1220a5279007f4f20936eef9e71d1b7b867e577a3bbf34de9bbec9f88584bac43e1a"

    static func own() throws -> PeerRecord {
        PeerRecord(peer: try PeerID(bytes: hex(id)), addresses: [try Multiaddr("/ip4/10.42.0.7/tcp/5001")])
    }

    static func vectors() throws -> [(KademliaMessage, String)] {
        [
            (KademliaMessage(.findNode, key: hex(id)), "0804 1226 \(id) 5001"),
            (KademliaMessage(.getProviders, key: hex(key)), "0803 1222 \(key) 5001"),
            (
                KademliaMessage(.addProvider, key: hex(key), providerPeers: [try own()]),
                "0802 1222 \(key) 4a32 0a26 \(id) 1208 040a2a0007061389 5001"
            ),
        ]
    }

    @Test func `requests have the bytes of the protocol`() throws {
        for (message, bytes) in try Self.vectors() {
            #expect(hex(message.bytes) == hex(hex(bytes)))
            #expect(try KademliaMessage(hex(bytes)) == message)
        }
    }

    /// Whoever answers could have us look up any name, in as many threads as it names peers.
    @Test func `peers are only where they say an address, and no name`() throws {
        let own = try Self.own()
        let names = ["/dns4/x.example/tcp/1", "/dns/x.example/tcp/1", "/ip4/10.0.0.1/udp/1"].map { try? Multiaddr($0) }
        let told = own.at(names.compactMap { $0 } + own.addresses)
        #expect(told.addresses.count == 4)
        let answer = try KademliaMessage(KademliaMessage(.findNode, closerPeers: [told], providerPeers: [told]).bytes)
        #expect(answer.closerPeers == [own] && answer.providerPeers == [own])
    }

    @Test func `a missing kind is the one with number 0`() throws {
        #expect(try KademliaMessage([]).kind == .putValue)
    }

    /// Varint, eight bytes, bytes and four bytes.
    static let unknownFields = "980607" + "a1060102030405060708" + "aa0603616263" + "ad0601020304"

    @Test func `what later versions may add means nothing, at any place`() throws {
        for (message, _) in try Self.vectors() {
            #expect(try KademliaMessage(hex(Self.unknownFields) + message.bytes) == message)
            #expect(try KademliaMessage(message.bytes + hex(Self.unknownFields)) == message)
        }
        let peer = "\(Self.unknownFields) 0a26 \(Self.id) \(Self.unknownFields) 1208 040a2a0007061389 1802"
        var told = ProtobufWriter()
        told.varint(2, field: 1)
        told.bytes(hex(Self.key), field: 2)
        // The record of a value, and what a peer has signed of itself.
        told.bytes(hex("0a0161120162"), field: 3)
        told.bytes(hex(peer), field: 9)
        told.bytes([UInt8](repeating: 0xEE, count: 300), field: 11)
        #expect(try KademliaMessage(told.bytes) == Self.vectors()[2].0)
    }

    /// Known fields of another type are as unknown ones; a group cannot be passed over.
    @Test func `a field of another type than it has is passed over, and a group refused`() throws {
        let find = KademliaMessage(.findNode, key: hex(Self.id))
        for odd in ["0a0104", "1007", "4007", "4807", "0d01020304", "110102030405060708"] {
            #expect(try KademliaMessage(hex(odd) + find.bytes) == find)
        }
        for group in ["0b", "13", "14", "9b06", "0e", "0f"] {
            #expect(throws: KademliaMessageError.malformed(.malformed)) { try KademliaMessage(find.bytes + hex(group)) }
        }
    }

    /// Of numbers beyond 32 bits others may see the last bits alone.
    @Test(arguments: [6, 7, 255, 1 << 32 | 4, UInt64(Int64.max)] as [UInt64])
    func `a kind that nobody knows is refused, and none is made of it`(_ kind: UInt64) throws {
        var writer = ProtobufWriter()
        writer.varint(kind, field: 1)
        writer.bytes(hex(Self.id), field: 2)
        #expect(throws: KademliaMessageError.unknownKind) { try KademliaMessage(writer.bytes) }
    }

    @Test(arguments: ["0806", "0a", "08", "4201", "ffffffff"])
    func `what is no message is refused`(_ bytes: String) {
        #expect(throws: KademliaMessageError.self) { try KademliaMessage(hex(bytes)) }
    }

    @Test func `a key of boundless length is refused`() {
        var writer = ProtobufWriter()
        writer.varint(4, field: 1)
        writer.bytes([UInt8](repeating: 1, count: 81), field: 2)
        #expect(throws: KademliaMessageError.keyTooLong) { try KademliaMessage(writer.bytes) }
    }

    @Test func `peers and addresses beyond the bounds, or malformed, are passed over`() throws {
        var peer = ProtobufWriter()
        peer.bytes(hex(Self.id), field: 1)
        peer.bytes([0xFF], field: 2)
        for _ in 0..<50 { peer.bytes(hex("040a2a0007061389"), field: 2) }
        peer.varint(1, field: 3)
        var nobody = ProtobufWriter()
        nobody.bytes([1, 2, 3], field: 1)
        var message = ProtobufWriter()
        message.varint(4, field: 1)
        message.bytes(nobody.bytes, field: 8)
        for _ in 0..<3000 { message.bytes(peer.bytes, field: 8) }
        message.bytes(Array("a signed record".utf8), field: 11)
        let read = try KademliaMessage(message.bytes)
        #expect(read.closerPeers.count == KademliaMessage.peerCountMax)
        #expect(read.closerPeers[0].addresses.count == KademliaMessage.addressCountMax)
    }

    @Test(arguments: 1..<5)
    func `damaged messages are refused or read, and nothing else`(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let vectors = try Self.vectors().map { $0.0.bytes }
        for _ in 0..<3000 {
            var bytes = vectors[Int.random(in: 0..<vectors.count, using: &generator)]
            for _ in 0..<Int.random(in: 1...6, using: &generator) where !bytes.isEmpty {
                let place = Int.random(in: 0..<bytes.count, using: &generator)
                switch Int.random(in: 0..<3, using: &generator) {
                case 0: bytes[place] = UInt8.random(in: 0...255, using: &generator)
                case 1: bytes.remove(at: place)
                default: bytes.insert(contentsOf: randomBytes(count: 3, using: &generator), at: place)
                }
            }
            if let message = try? KademliaMessage(bytes) {
                #expect(try KademliaMessage(message.bytes) == message)
                var state = KademliaState(own: try Samples.peer(0))
                _ = state.reply(
                    to: message, from: try Samples.peer(1), ownAddresses: [], now: .zero, addresses: { _ in [] })
            }
        }
    }

    @Test(
        arguments: [
            (
                #"[{"ID":"\#(Samples.peerText)","Addrs":["/ip4/10.0.0.5/tcp/5001"]}]"#,
                ["/ip4/10.0.0.5/tcp/5001/p2p/\(Samples.peerText)"]
            ),
            (#"{"ID":"","Addrs":["/ip4/10.0.0.5"]}"#, ["/ip4/10.0.0.5/tcp/7"]),
            (
                #"["/ip4/10.0.0.5/tcp/5001/p2p/\#(Samples.peerText)","x"]"#,
                ["/ip4/10.0.0.5/tcp/5001/p2p/\(Samples.peerText)"]
            ),
            (#"[{"Addrs":["/ip4/1.2.3.4/tcp/1","nonsense"]}]"#, ["/ip4/1.2.3.4/tcp/1"]), ("[]", []),
        ] as [(String, [String])])
    func `lists of peers are read in the forms of Spegel and K3s`(_ json: String, _ expected: [String]) throws {
        let list = try AddressInformation.parse(Array(json.utf8), port: 7)
        #expect(list.flatMap(\.multiaddrs).map(\.description) == expected)
    }

    @Test(arguments: ["", "x", "1", "[1]", "{"])
    func `what is no list of peers is refused`(_ json: String) {
        #expect(throws: BootstrapError.malformedAnswer) { try AddressInformation.parse(Array(json.utf8), port: 7) }
    }

    @Test func `our own list is the one that others read`() throws {
        let own = AddressInformation(
            peer: try PeerID(Samples.peerText), addresses: [try Multiaddr("/ip4/10.0.0.5/tcp/5001")])
        #expect(
            String(decoding: own.json, as: UTF8.self)
                == #"[{"Addrs":["/ip4/10.0.0.5/tcp/5001"],"ID":"\#(Samples.peerText)"}]"#)
        #expect(try AddressInformation.parse(own.json, port: 1) == [own])
    }

    @Test func `of a name the first three addresses of each family are taken`() async throws {
        let source = DNSBootstrap(name: "peers.example", port: 5001) { _, family in
            family == .ip4 ? ["10.0.0.9", "10.0.0.1", "10.0.0.3", "10.0.0.2"] : ["fd00::1"]
        }
        let expected = [
            "/ip4/10.0.0.1/tcp/5001", "/ip4/10.0.0.2/tcp/5001", "/ip4/10.0.0.3/tcp/5001", "/ip6/fd00::1/tcp/5001",
        ]
        #expect(try await source.addresses().map(\.description) == expected)
    }
}
