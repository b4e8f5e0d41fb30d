package import NIOCore

/// The part of an address that TCP needs.
package enum Endpoint: Sendable, Hashable {
    case ip4([UInt8], port: Int)
    case ip6([UInt8], port: Int)
    /// To be resolved before dialling.
    case name(String, port: Int, family: NameFamily)

    package enum NameFamily: Sendable, Hashable {
        case any
        case ip4
        case ip6
    }

    package var port: Int {
        switch self {
        case .ip4(_, let port), .ip6(_, let port), .name(_, let port, _): port
        }
    }

    /// The IP address or name as text, without port and brackets.
    package var host: String {
        switch self {
        case .ip4(let bytes, _), .ip6(let bytes, _): Multiaddr.ipText(bytes)
        case .name(let name, _, _): name
        }
    }
}

extension Multiaddr {
    /// `/ip4|ip6/…/tcp/…` of `address`; nil for one that is not IP.
    package init?(_ address: SocketAddress) {
        guard let text = address.ipAddress, let port = address.port else { return nil }
        self.init(ip: text, port: port)
    }

    /// `/ip4|ip6/…/tcp/…`; nil where `text` is no IP address or `port` is none.
    package init?(ip text: String, port: Int) {
        guard let port = UInt16(exactly: port), let bytes = IPText.parse(text) else { return nil }
        let mapped: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF]
        // A socket that listens on IPv6 shows IPv4 peers like this.
        let ip = bytes.count == 16 && bytes.starts(with: mapped) ? Array(bytes.dropFirst(12)) : bytes
        self.init([
            Component(ip.count == 4 ? .ip4 : .ip6, ip),
            Component(.tcp, [UInt8(port >> 8), UInt8(port & 0xFF)]),
        ])
    }

    static func ipText(_ bytes: [UInt8]) -> String {
        String(Multiaddr([Component(bytes.count == 4 ? .ip4 : .ip6, bytes)]).description.dropFirst("/ip4/".utf8.count))
    }

    /// What TCP can dial: an IP address or name, `tcp`, and at most a peer ID after it. Nil for anything else, such as
    /// QUIC, WebSocket and relayed addresses.
    package var endpoint: Endpoint? {
        var parts = components[...]
        if parts.last?.kind == .p2p { parts.removeLast() }
        // A zone has a meaning on its own machine alone.
        guard parts.count == 2, let host = parts.first, let transport = parts.last, transport.kind == .tcp else {
            return nil
        }
        let port = Int(transport.value[0]) << 8 | Int(transport.value[1])
        guard port > 0 else { return nil }
        switch host.kind {
        case .ip4: return .ip4(host.value, port: port)
        case .ip6: return .ip6(host.value, port: port)
        case .dns: return .name(String(decoding: host.value, as: UTF8.self), port: port, family: .any)
        case .dns4: return .name(String(decoding: host.value, as: UTF8.self), port: port, family: .ip4)
        case .dns6: return .name(String(decoding: host.value, as: UTF8.self), port: port, family: .ip6)
        default: return nil
        }
    }

    /// Whether TCP can dial it without looking a name up.
    package var isIP: Bool {
        switch endpoint {
        case .ip4, .ip6: true
        case .name, nil: false
        }
    }

    /// Where to listen: an IP address with a port, which may be 0 for any.
    var endpointForListening: (host: String, port: Int)? {
        guard components.count == 2, [.ip4, .ip6].contains(components[0].kind), components[1].kind == .tcp else {
            return nil
        }
        let port = Int(components[1].value[0]) << 8 | Int(components[1].value[1])
        return (Multiaddr.ipText(components[0].value), port)
    }

    /// The peer at the end of the address.
    package var peerID: PeerID? {
        guard let last = components.last, last.kind == .p2p else { return nil }
        return try? PeerID(bytes: last.value)
    }

    /// Without the peer at its end, as addresses stand in messages. Nil where nothing else was there.
    package var withoutPeer: Multiaddr? {
        guard components.last?.kind == .p2p else { return self }
        return components.count > 1 ? Multiaddr(Array(components.dropLast())) : nil
    }

    package func with(_ peer: PeerID) -> Multiaddr {
        Multiaddr((withoutPeer ?? self).components + [Component(.p2p, peer.bytes)])
    }

    /// This address with `port` where it is `/ip4|ip6/…` alone, as bootstrap lists may have it.
    package func withPort(_ port: Int) -> Multiaddr {
        guard components.count == 1, let host = components.first, [.ip4, .ip6, .dns, .dns4, .dns6].contains(host.kind)
        else { return self }
        return Multiaddr([host, Component(.tcp, [UInt8(port >> 8 & 0xFF), UInt8(port & 0xFF)])])
    }

    /// The class of the IP address, by which peers decide what to tell whom.
    package var reach: Reach {
        switch endpoint {
        case .ip4(let bytes, _):
            if bytes[0] == 127 { return .loopback }
            if bytes[0] == 0 { return .unspecified }
            // Of one wire alone (RFC 3927), as clouds give them to pods of IPv6 clusters for the way out.
            return bytes[0] == 169 && bytes[1] == 254 ? .linkLocal : .network
        case .ip6(let bytes, _):
            if bytes.dropLast().allSatisfy({ $0 == 0 }) { return bytes[15] == 0 ? .unspecified : .loopback }
            // fe80::/10 needs a zone to be dialled.
            return bytes[0] == 0xFE && bytes[1] & 0xC0 == 0x80 ? .linkLocal : .network
        case .name, nil: return .none
        }
    }

    package enum Reach: Sendable, Hashable {
        case network
        case loopback
        case linkLocal
        case unspecified
        /// No IP address.
        case none
    }
}
