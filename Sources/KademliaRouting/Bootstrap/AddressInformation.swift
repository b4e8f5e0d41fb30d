internal import FoundationEssentials
package import LibP2P

/// Peers as JSON, in the forms that Spegel and K3s hand out: `{"ID":"12D3Koo…","Addrs":["/ip4/…/tcp/5001"]}`, an array
/// of those, or an array of `"<multiaddr>/p2p/<id>"`.
package struct AddressInformation: Sendable, Hashable {
    /// Nil where the list does not say who is there.
    package let peer: PeerID?
    package let addresses: [Multiaddr]

    package init(peer: PeerID?, addresses: [Multiaddr]) {
        self.peer = peer
        self.addresses = addresses
    }

    private struct Document: Codable {
        var ID: String?
        var Addrs: [String]?
    }

    /// Everybody in `json`; entries and addresses that cannot be understood are passed over.
    /// - Parameter port: for addresses that are an IP address alone.
    /// - Throws: ``BootstrapError/malformedAnswer`` where it has none of the forms.
    package static func parse(_ json: [UInt8], port: Int) throws(BootstrapError) -> [AddressInformation] {
        let data = Data(json)
        let decoder = JSONDecoder()
        if let texts = try? decoder.decode([String].self, from: data) {
            return texts.prefix(countMax).compactMap { text in
                guard let address = try? Multiaddr(text) else { return nil }
                return AddressInformation(
                    peer: address.peerID, addresses: address.withoutPeer.map { [$0.withPort(port)] } ?? [])
            }
        }
        let documents: [Document]
        if let list = try? decoder.decode([Document].self, from: data) {
            documents = list
        } else if let one = try? decoder.decode(Document.self, from: data) {
            documents = [one]
        } else {
            throw .malformedAnswer
        }
        return documents.prefix(countMax).map { document in
            AddressInformation(
                peer: document.ID.flatMap { try? PeerID($0) },
                addresses: (document.Addrs ?? []).prefix(KademliaMessage.addressCountMax).compactMap { text in
                    (try? Multiaddr(text))?.withoutPeer?.withPort(port)
                })
        }
    }

    /// Multiaddrs as plain text, between commas or white space, as K3s's servers answer older agents.
    package static func parse(lines text: some StringProtocol, port: Int) -> [AddressInformation] {
        text.split { $0 == "," || $0.isWhitespace }.prefix(countMax).compactMap { text in
            guard let address = try? Multiaddr(String(text)) else { return nil }
            return AddressInformation(
                peer: address.peerID, addresses: address.withoutPeer.map { [$0.withPort(port)] } ?? [])
        }
    }

    /// An array with this one, as `GET /id` answers.
    package var json: [UInt8] { [UInt8(ascii: "[")] + object + [UInt8(ascii: "]")] }

    /// This one alone, as K3s's annotations have it.
    package var object: [UInt8] {
        let document = Document(ID: peer.map { "\($0)" } ?? "", Addrs: addresses.map(\.description))
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.withoutEscapingSlashes, .sortedKeys]
        return (try? encoder.encode(document)).map { Array($0) } ?? []
    }

    /// Every address with the peer at its end, where that is known.
    package var multiaddrs: [Multiaddr] {
        guard let peer else { return addresses }
        return addresses.map { $0.with(peer) }
    }

    private static let countMax = 64
}

package enum BootstrapError: Error, Hashable, CustomStringConvertible {
    case refused(status: Int)
    case malformedAnswer

    package var description: String {
        switch self {
        case .refused(let status): "the bootstrap answers \(status)"
        case .malformedAnswer: "the bootstrap's answer is no list of peers"
        }
    }
}
