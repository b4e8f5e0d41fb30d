/// One place to ask for content.
struct PeerSource: Sendable, Hashable {
    enum Kind: Sendable, Hashable {
        case peer
        case central
    }

    let kind: Kind
    /// For logs, and for not asking it twice.
    let identifier: String
    /// `http://10.0.0.5:5000`.
    let origin: String

    /// - Parameter address: an IP address as text.
    static func peer(_ identifier: String, address: String, port: Int, usesTLS: Bool) -> PeerSource {
        let host = address.contains(":") ? "[\(address)]" : address
        return PeerSource(
            kind: .peer, identifier: identifier, origin: "\(usesTLS ? "https" : "http")://\(host):\(port)")
    }

    static func central(_ origin: String) -> PeerSource {
        PeerSource(kind: .central, identifier: "central", origin: origin)
    }
}
