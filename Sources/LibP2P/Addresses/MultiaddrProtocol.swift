/// The protocols that occur in the addresses of Spegel, K3s and other libp2p peers.
/// <https://github.com/multiformats/multicodec/blob/master/table.csv>
package enum MultiaddrProtocol: UInt64, Sendable, CaseIterable {
    case ip4 = 4
    case tcp = 6
    case ip6 = 41
    case ip6zone = 42
    case dns = 53
    case dns4 = 54
    case dns6 = 55
    case dnsaddr = 56
    case udp = 273
    case circuit = 290
    case p2p = 421
    case tls = 448
    case noise = 454
    case quic = 460
    case quicV1 = 461
    case webtransport = 465
    case ws = 477
    case wss = 478

    enum Length: Hashable {
        case fixed(Int)
        case prefixed
    }

    var length: Length {
        switch self {
        case .ip4: .fixed(4)
        case .tcp, .udp: .fixed(2)
        case .ip6: .fixed(16)
        case .ip6zone, .dns, .dns4, .dns6, .dnsaddr, .p2p: .prefixed
        case .circuit, .tls, .noise, .quic, .quicV1, .webtransport, .ws, .wss: .fixed(0)
        }
    }

    var name: String {
        switch self {
        case .ip4: "ip4"
        case .tcp: "tcp"
        case .ip6: "ip6"
        case .ip6zone: "ip6zone"
        case .dns: "dns"
        case .dns4: "dns4"
        case .dns6: "dns6"
        case .dnsaddr: "dnsaddr"
        case .udp: "udp"
        case .circuit: "p2p-circuit"
        case .p2p: "p2p"
        case .tls: "tls"
        case .noise: "noise"
        case .quic: "quic"
        case .quicV1: "quic-v1"
        case .webtransport: "webtransport"
        case .ws: "ws"
        case .wss: "wss"
        }
    }

    /// Values of the right length that cannot be written as text are malformed as well.
    func isValid(_ value: [UInt8]) -> Bool {
        switch self {
        case .dns, .dns4, .dns6, .dnsaddr, .ip6zone:
            !value.isEmpty && value.count <= 253
                && value.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "/") }
        case .p2p: (try? PeerID(bytes: value)) != nil
        default: true
        }
    }
}
