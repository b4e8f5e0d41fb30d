internal import LibP2P

/// What K3s and RKE2 call things: both embed Spegel and differ in the names alone.
package struct K3sNames: Sendable, Hashable {
    /// `k3s` or `rke2`.
    package let program: String

    package init(program: String) { self.program = program }

    package static let k3s = K3sNames(program: "k3s")
    package static let rke2 = K3sNames(program: "rke2")

    /// The label of nodes that take part: `true`.
    package var enabledLabel: String { "p2p.\(program).cattle.io/enabled" }
    /// The annotation with ``AddressInformation`` as JSON.
    package var addressesAnnotation: String { "p2p.\(program).cattle.io/node-addresses" }
    /// The older one: `<multiaddr>/p2p/<id>`, several with commas between them.
    package var addressAnnotation: String { "p2p.\(program).cattle.io/node-address" }
    /// Where a server tells its agents of peers; wants a client certificate.
    package var peersPath: String { "/v1-\(program)/p2p" }

    /// The annotations of a node, by which others find it.
    package func annotations(of node: AddressInformation) -> [String: String] {
        let one = node.object
        return [
            addressesAnnotation: String(decoding: one, as: UTF8.self),
            addressAnnotation: node.multiaddrs.map(\.description).joined(separator: ","),
        ]
    }

    /// The addresses in a node's annotations: those of the newer one where it is there.
    func addresses(in annotations: [String: String], port: Int) -> [Multiaddr] {
        if let text = annotations[addressesAnnotation],
            let list = try? AddressInformation.parse(Array(text.utf8), port: port)
        {
            let addresses = list.flatMap(\.multiaddrs)
            if !addresses.isEmpty { return addresses }
        }
        guard let text = annotations[addressAnnotation] else { return [] }
        return AddressInformation.parse(lines: text, port: port).flatMap(\.multiaddrs)
    }
}
