import LibP2P
import NIOCore
import Testing

struct MultiaddrTests {
    static let peer = "12D3KooWBtg3aaRMjxwedh83aGiUkwSxDwUZkzuJcfaqUmo7R3pq"

    @Test(arguments: [
        ("/ip4/10.42.0.7/tcp/5001", "040a2a0007061389"),
        ("/ip6/fd00::7/tcp/5001", "29fd000000000000000000000000000007061389"),
        (
            "/ip4/10.42.0.7/tcp/5001/p2p/\(peer)",
            "040a2a0007061389a503260024080112201ed1e8fae2c4a144b8be8fd4b47bf3d3b34b871c3cacf6010f0e42d474fce27e"
        ),
        ("/dns4/peer.example/tcp/1", "360c706565722e6578616d706c65060001"),
        ("/ip4/1.2.3.4/udp/443/quic-v1", "0401020304910201bbcd03"),
    ])
    func `an address has the same value as text and as bytes`(_ text: String, _ bytes: String) throws {
        let address = try Multiaddr(text)
        #expect(hex(address.bytes) == bytes)
        #expect(try Multiaddr(bytes: hex(bytes)) == address)
        #expect("\(address)" == text)
    }

    @Test(arguments: [
        "", "/", "ip4/1.2.3.4", "/ip4", "/ip4/", "/ip4/1.2.3", "/ip4/1.2.3.4/tcp", "/ip4/1.2.3.4/tcp/65536",
        "/ip4/1.2.3.4/tcp/-1", "/ip4/1.2.3.4/tcp/+1", "/ip6/::g/tcp/1", "/p2p/abc", "/dns//tcp/1", "/unknown/1",
        "/ip4/1.2.3.4//tcp/1",
    ])
    func `what is no address is refused as text`(_ text: String) {
        #expect(throws: MultiaddrError.self) { try Multiaddr(text) }
    }

    @Test(arguments: [
        "", "04", "040a2a00", "040a2a000706", "ff", "8000", "a50326", "a5030100", "3500", "350120", "9999",
        "06138906138906138906138906138906138906138906138906138906138906138906138906138906138906138906138906",
    ])
    func `what is no address is refused as bytes`(_ bytes: String) {
        #expect(throws: MultiaddrError.self) { try Multiaddr(bytes: hex(bytes)) }
    }

    @Test func `an address of boundless length is refused`() {
        #expect(throws: MultiaddrError.tooLong) { try Multiaddr(bytes: [UInt8](repeating: 4, count: 513)) }
        #expect(throws: MultiaddrError.tooLong) { try Multiaddr(String(repeating: "/tls", count: 17)) }
    }

    @Test(
        arguments: [
            ("/ip4/10.0.0.5/tcp/5001", "10.0.0.5:5001"), ("/ip6/fd00::1/tcp/1/p2p/\(peer)", "fd00::1:1"),
            ("/dns/a.example/tcp/7", "a.example:7"), ("/ip4/1.2.3.4/udp/1/quic-v1", nil),
            ("/ip4/1.2.3.4/tcp/1/ws", nil),
            ("/ip4/1.2.3.4/tcp/0", nil), ("/ip4/1.2.3.4", nil), ("/ip4/1.2.3.4/tcp/1/p2p/\(peer)/p2p-circuit", nil),
            ("/p2p/\(peer)", nil),
        ] as [(String, String?)])
    func `only TCP addresses can be dialled`(_ text: String, _ expected: String?) throws {
        let endpoint = try Multiaddr(text).endpoint
        #expect(endpoint.map { "\($0.host):\($0.port)" } == expected)
    }

    @Test func `the peer at the end is taken off and put on`() throws {
        let address = try Multiaddr("/ip4/10.0.0.5/tcp/5001")
        let id = try PeerID(Self.peer)
        #expect(address.with(id).peerID == id)
        #expect(address.with(id).with(id).withoutPeer == address)
        #expect(try Multiaddr("/ip4/10.0.0.5").withPort(5001) == address)
        #expect(address.withPort(1) == address)
    }

    @Test(
        arguments: [
            (["/ip4/0.0.0.0/tcp/5001"], ["127.0.0.1", "10.0.0.5"], ["/ip4/10.0.0.5/tcp/5001"]),
            (["/ip6/::/tcp/5001"], ["::1", "fe80::1", "fd00::5", "10.0.0.5"], ["/ip4/10.0.0.5/tcp/5001"]),
            (["/ip6/::/tcp/5001"], ["169.254.1.2", "fe80::1", "fd00::5"], ["/ip6/fd00::5/tcp/5001"]),
            (["/ip4/0.0.0.0/tcp/5001"], ["fd00::5", "10.0.0.5"], ["/ip4/10.0.0.5/tcp/5001"]),
            (["/ip4/10.0.0.7/tcp/1", "/ip6/fd00::7/tcp/1"], [], ["/ip4/10.0.0.7/tcp/1"]),
            (["/ip4/127.0.0.1/tcp/1"], ["10.0.0.5"], []), (["/ip4/0.0.0.0/tcp/1"], ["127.0.0.1"], []),
        ] as [([String], [String], [String])])
    func `one address is told, of the network, IPv4 first`(
        _ bound: [String], _ machine: [String], _ expected: [String]
    ) throws {
        let chosen = OwnAddresses.choose(
            bound: try bound.map { try Multiaddr($0) }, machine: machine, allowsLoopback: false)
        #expect(chosen.map(\.description) == expected)
    }

    @Test func `an IPv4 peer on an IPv6 socket has an IPv4 address`() throws {
        let socket = try SocketAddress(ipAddress: "::ffff:10.0.0.5", port: 80)
        #expect(Multiaddr(socket)?.description == "/ip4/10.0.0.5/tcp/80")
    }
}
