/// Who has what: the contract between a node and the network of its peers.
package protocol PeerRouting: Sendable {
    /// Tells peers that have `key` as they are found, each once, until there are `limit` of them or nobody else is
    /// known. This node itself is never among them.
    ///
    /// That a peer is named means that it said so some time ago, not that it has the content, and not that it is
    /// honest about it.
    /// - Parameters:
    ///   - limit: at least 1.
    ///   - found: called before the look-up returns, from any task; it must not block.
    /// - Throws: ``PeerRoutingError``, or `CancellationError`. Having found nobody is no error.
    func lookUp(_ key: RoutingKey, limit: Int, found: @escaping @Sendable (ContentPeer) -> Void) async throws

    /// Says that this node has `keys`, and goes on saying so until they are withdrawn. Returns at once; the network
    /// hears of it within seconds, or when there is one.
    func advertise(_ keys: Set<RoutingKey>)

    /// Stops saying so. Peers may believe it for some minutes more.
    func withdraw(_ keys: Set<RoutingKey>)

    /// Whether peers are there to be asked.
    var isReady: Bool { get }
}

/// A peer that says it has some content.
package struct ContentPeer: Sendable, Hashable {
    /// Its name in the network, for logs and for not asking it twice.
    package let identifier: String
    /// Its IP addresses as text, without port: the registry's port is not told, and is the same on every node.
    package let addresses: [String]

    package init(identifier: String, addresses: [String]) {
        self.identifier = identifier
        self.addresses = addresses
    }
}

package enum PeerRoutingError: Error, Hashable, CustomStringConvertible {
    /// There is no peer to ask.
    case noPeers

    package var description: String {
        switch self {
        case .noPeers: "no peers are known"
        }
    }
}
