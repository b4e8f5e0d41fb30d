package import LibP2P
package import PeerRegistry
package import RegistryServer

/// What `weir node` is given.
package struct NodeConfiguration: Sendable {
    package enum Bootstrap: Sendable, Hashable {
        case addresses([Multiaddr])
        case dns(String)
        case http(url: String, tls: PeerHTTP.TLS)
    }

    package var server = RegistryServer.Configuration(listen: ["0.0.0.0:5000"], logsAccess: false)
    package var registry = PeerRegistryConfiguration()
    package var peerTLS = PeerHTTP.TLS()
    package var centralTLS = PeerHTTP.TLS()
    package var filter = RegistryFilter.open
    /// Nil gives everything to every peer, as Spegel does.
    package var grants: NodeGrants?
    package var containerdSocket = "/run/containerd/containerd.sock"
    package var containerdNamespace = "k8s.io"
    package var contentDirectory: String?
    package var peerListen: [Multiaddr] = []
    package var advertise: [Multiaddr] = []
    package var networkKey: PrivateNetworkKey?
    package var bootstrap: [Bootstrap] = []
    /// Where other nodes are told of this one, as Spegel's `/id`; nil nowhere.
    package var bootstrapListen: String?
    /// Where the identity is kept; nil makes a new one at every start.
    package var directory: String? = "/var/lib/weir-node"
    package var pagesListen: [String] = []
    package var showsPages = true
    package var usesSpegelNames = false
    package var controlSocket = "/run/weir-node.sock"
    /// For peers on one machine: loopback addresses are told to others.
    package var advertisesLoopback = false

    package init() {}
}
