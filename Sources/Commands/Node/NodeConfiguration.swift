package import KademliaRouting
package import LibP2P
internal import Listening
package import PeerRegistry
package import RegistryServer
package import Rules

/// What `weir node` is given.
package struct NodeConfiguration: Sendable {
    package enum Bootstrap: Sendable, Hashable {
        case addresses([Multiaddr])
        case dns(String)
        case http(url: String, tls: PeerHTTP.TLS)
        case annotations(Annotations)
    }

    /// K3s's annotations on the nodes of a cluster.
    package struct Annotations: Sendable, Hashable {
        package var names: K3sNames
        /// Nil: the pod's service account, or kubectl's own file.
        package var kubeconfig: String?
        package var context: String?
        /// The node that this runs on, which is passed over.
        package var ownNode: String?
    }

    package struct SettingNames: Sendable, Hashable {
        package var pages = "as 'node.pages'"
        package var bootstrapListen = "as 'node.peers.bootstrapListen'"
    }

    /// How Weir's own store is shared.
    package struct Store: Sendable, Hashable {
        /// Whether peers may have something fetched.
        package var fetches: Bool
        /// Rules whose images are shared: all without an account, and those that are named.
        package var rules: Set<RuleName>
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
    /// Weir's own store in place of containerd; nil where containerd's images are shared.
    package var store: Store?
    package var peerListen: [Multiaddr] = []
    package var advertise: [Multiaddr] = []
    package var networkKey: PrivateNetworkKey?
    package var bootstrap: [Bootstrap] = []
    /// Where other nodes are told of this one, as Spegel's `/id`; nil nowhere.
    package var bootstrapListen: String?
    /// Where the identity is kept; nil makes a new one at every start.
    package var directory: String? = "/var/lib/weir-node"
    package var pagesListen: [String] = []
    /// How addresses are given, for people.
    package var settingNames = SettingNames()
    package var showsPages = true
    package var usesSpegelNames = false
    package var controlSocket = "/run/weir-node.sock"
    /// For peers on one machine: loopback addresses are told to others.
    package var advertisesLoopback = false

    package init() {}

    /// Whatever has a certificate, a key or an authority, of servers and clients.
    var certificateFiles: [String] {
        var files = (server.tls?.files ?? []) + peerTLS.files + centralTLS.files
        for case .http(_, let tls) in bootstrap { files += tls.files }
        return files
    }

    /// Who is asked for no grant; nil for everybody.
    var localClients: [AddressBlock]? { grants?.localClients }
}
