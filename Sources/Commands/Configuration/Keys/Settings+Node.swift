internal import ImageRewriting
internal import LibP2P
internal import OCI
internal import PeerRegistry
internal import RegistryServer

/// How this machine shares its images with its peers (`weir node`).
struct NodeSettings {
    var listen = ["0.0.0.0:5000"]
    var tls = NodeTLSSettings()
    var containerd = NodeContainerdSettings()
    var store = NodeStoreSettings()
    var peers = NodePeerSettings()
    var order: [String] = ["peers", "central"]
    var central: String?
    var centralAuthority: String?
    var tagsFromPeers = "fallback"
    var registries: [RegistryHost] = []
    var hidden: [String] = []
    var sharesLatest = false
    var resolveTimeout = PeerRegistryConfiguration().resolveTimeout
    var answerTimeout = PeerRegistryConfiguration().answerTimeout
    var stallTimeout = PeerRegistryConfiguration().stallTimeout
    var directory = "/var/lib/weir-node"
    var socket = "/run/weir-node.sock"
    var pages: [String] = ["127.0.0.1:9090"]
    var spegelMetrics = false
    var grants: NodeGrantSettings?
}

struct NodeTLSSettings {
    var certificate: String?
    var key: String?
    var clientAuthority: String?
    var clientCertificate: String?
    var clientKey: String?
    var authority: String?
}

/// Weir's own store, in place of containerd.
struct NodeStoreSettings {
    var enabled = false
    var fetches = false
    var sharedRules: [String] = []
}

struct NodeContainerdSettings {
    var socket = "/run/containerd/containerd.sock"
    var namespace = "k8s.io"
    var content: String?
}

struct NodePeerSettings {
    var listen: [Multiaddr]?
    var advertise: [Multiaddr]?
    var bootstrap: [Multiaddr] = []
    var bootstrapName: String?
    var bootstrapURL: String?
    var bootstrapListen: String?
    var networkKey: Located<Secret>?
    var k3s: NodeK3sSettings?
}

/// First peers as K3s and RKE2 tell of them.
struct NodeK3sSettings {
    var program = "k3s"
    var server: String?
    var annotations = false
    var kubeconfig: String?
    var context: String?
    var node: String?
}

extension NodeSettings {
    static var keys: [Setting<Self>] {
        [
            Setting(
                "listen", \.listen, Format.listenAddress.oneOrList, standard: .string("0.0.0.0:5000"),
                "Where containerd and peers find the node's registry. Its port is the same on every node."),
            Setting(
                "tls", \.tls, .group(NodeTLSSettings.keys, { NodeTLSSettings() }),
                "Certificates between nodes, as K3s requires them."),
            Setting(
                "containerd", \.containerd, .group(NodeContainerdSettings.keys, { NodeContainerdSettings() }),
                "The containerd whose images are shared."),
            Setting(
                "store", \.store, .group(NodeStoreSettings.keys, { NodeStoreSettings() }),
                "Share what Weir's own store holds, in place of containerd's images."),
            Setting(
                "peers", \.peers, .group(NodePeerSettings.keys, { NodePeerSettings() }),
                "The network in which nodes find each other."),
            Setting(
                "order", \.order, Format.choice(["peers", "central"]).list,
                standard: .array([.string("peers"), .string("central")]),
                "Whom to ask for content that is not here; then containerd asks the next in its list."),
            Setting("central", \.central, .httpOrigin, "The central Weir: http://weir.example:5000."),
            Setting(
                "centralAuthority", \.centralAuthority, .existingFile("a PEM file"),
                "Whoever signed the central Weir's certificate, where the system does not trust it."),
            Setting(
                "tagsFromPeers", \.tagsFromPeers, .choice(["fallback", "always", "never"]),
                standard: .string("fallback"),
                "Whether peers may say what a tag names: when the central Weir is down or there is none, always, never."
            ),
            Setting(
                "registries", \.registries, Format.host.list, standard: .array([]),
                "Registries whose images are shared; none listed means all."),
            Setting(
                "hidden", \.hidden, Format.expression.list, standard: .array([]),
                "Images that are not shared: expressions on REGISTRY/REPOSITORY and REGISTRY/REPOSITORY:TAG."),
            Setting(
                "shareLatest", \.sharesLatest, .flag, standard: .bool(false),
                "Whether the tag 'latest' is resolved by peers, and told to them."),
            Setting(
                "resolveTimeout", \.resolveTimeout, .duration(.milliseconds(1)...Duration.seconds(60)),
                standard: .string("200ms"), "How long nobody may turn up before containerd is sent on."),
            Setting(
                "answerTimeout", \.answerTimeout, .duration(.milliseconds(10)...Duration.seconds(60)),
                standard: .string("1s"), "For a peer's answer to begin."),
            Setting(
                "stallTimeout", \.stallTimeout, .duration(.milliseconds(100)...Duration.seconds(600)),
                standard: .string("5s"), "A transfer without a byte; it goes on from another peer then."),
            Setting(
                "directory", \.directory, .path("a directory"), standard: .string("/var/lib/weir-node"),
                "Where the node's identity is kept, private.key; nothing else is."),
            Setting(
                "socket", \.socket, .path("a path"), standard: .string("/run/weir-node.sock"),
                "The control socket of the node; at most 100 bytes long."),
            Setting(
                "pages", \.pages, Format.listenAddress.oneOrList, standard: .string("127.0.0.1:9090"),
                "Where /metrics, /readyz and the node's page are; an empty list is nowhere."),
            Setting(
                "spegelMetrics", \.spegelMetrics, .flag, standard: .bool(false),
                "Whether metrics are given under Spegel's names as well."),
            Setting(
                "grants", \.grants, .group(NodeGrantSettings.settings, { NodeGrantSettings() }),
                "Give what the central Weir calls private to nodes that it granted it to, alone. Given, even empty, on."
            ),
        ]
    }
}

extension NodeTLSSettings {
    static var keys: [Setting<Self>] {
        [
            Setting("certificate", \.certificate, .existingFile("a PEM file"), "What the node's registry shows."),
            Setting("key", \.key, .existingFile("a PEM file"), "Its private key."),
            Setting(
                "clientAuthority", \.clientAuthority, .existingFile("a PEM file"),
                "Whoever signs the certificates that peers and containerd must show; without it none is asked for."),
            Setting(
                "clientCertificate", \.clientCertificate, .existingFile("a PEM file"), "What is shown to peers."),
            Setting("clientKey", \.clientKey, .existingFile("a PEM file"), "Its private key."),
            Setting(
                "authority", \.authority, .existingFile("a PEM file"), "Whoever signs the peers' certificates."),
        ]
    }
}

extension NodeContainerdSettings {
    static var keys: [Setting<Self>] {
        [
            Setting(
                "socket", \.socket, .path("a path"), standard: .string("/run/containerd/containerd.sock"),
                "containerd's socket."),
            Setting("namespace", \.namespace, .text, standard: .string("k8s.io"), "The namespace of the images."),
            Setting(
                "content", \.content, .path("a directory"), standard: .string("as containerd says"),
                "containerd's content directory, io.containerd.content.v1.content, where it is mounted elsewhere."),
        ]
    }
}

extension NodeStoreSettings {
    static var keys: [Setting<Self>] {
        [
            Setting(
                "enabled", \.enabled, .flag, standard: .bool(false),
                "Whether 'weir serve' takes part among the nodes, with what it has cached; 'weir node' then shares the "
                    + "store of 'storage.directory' that no service has open."),
            Setting(
                "fetches", \.fetches, .flag, standard: .bool(false),
                "Whether peers may have 'weir serve' fetch what it has not, or not fresh."),
            Setting(
                "sharedRules", \.sharedRules, Format.text("a rule's name").list, standard: .array([]),
                "Rules with an account whose images are shared as well; they may be private."),
        ]
    }
}

extension NodePeerSettings {
    static var keys: [Setting<Self>] {
        [
            Setting(
                "listen", \.listen, Format.multiaddr.list,
                standard: .string("every address, port 5001"),
                "Where peers connect; the port is the same on every node."),
            Setting(
                "advertise", \.advertise, Format.multiaddr.list, standard: .string("one address of this machine"),
                "What peers are told. Older Spegel wants exactly one."),
            Setting(
                "bootstrap", \.bootstrap, Format.multiaddr.list, standard: .array([]),
                "Addresses of peers to begin with, with or without /p2p/ID."),
            Setting("bootstrapName", \.bootstrapName, .text, "A name of DNS whose addresses are peers."),
            Setting("bootstrapURL", \.bootstrapURL, .text, "A URL that tells peers, such as Spegel's /id."),
            Setting(
                "bootstrapListen", \.bootstrapListen, Format.listenAddress,
                "Where this node tells others of itself, under /id."),
            Setting(
                "networkKey", \.networkKey, Format.secret("64 hexadecimal digits or more, or a swarm.key").located,
                "The key of a private network: K3s's, from server/cred/ipsec.psk."),
            Setting(
                "k3s", \.k3s, .group(NodeK3sSettings.keys, { NodeK3sSettings() }),
                "Peers to begin with, as K3s and RKE2 tell of them."),
        ]
    }
}

extension NodeK3sSettings {
    static var keys: [Setting<Self>] {
        [
            Setting(
                "program", \.program, .choice(["k3s", "rke2"]), standard: .string("k3s"), "Which of the two it is."),
            Setting(
                "server", \.server, .httpOrigin,
                "A server that is asked as its agents ask, with the certificates of 'tls': https://10.0.0.1:6443."),
            Setting(
                "annotations", \.annotations, .flag, standard: .bool(false),
                "Whether the API server is asked for the annotations of nodes; takes 'list' of nodes."),
            Setting(
                "kubeconfig", \.kubeconfig, .existingFile("a kubeconfig file"),
                standard: .string("the pod's service account, else kubectl's"), "How the API server is reached."),
            Setting("context", \.context, .text("a name"), "The kubeconfig's context. Default: its current one."),
            Setting("node", \.node, .text("a name"), "The node that this runs on, which is passed over."),
        ]
    }
}

extension Format where Value == Multiaddr {
    static var multiaddr: Format {
        .scalar(
            "an address such as '/ip4/10.0.0.5/tcp/5001'", schema: JSONValue.typed("string"),
            show: { .string("\($0)") }
        ) { text throws(ValueProblem) in
            guard let address = try? Multiaddr(text) else {
                throw ValueProblem("is no address; write one such as '/ip4/10.0.0.5/tcp/5001'")
            }
            return address
        }
    }
}

extension Format where Value == String {
    static var expression: Format {
        .scalar("a regular expression", schema: JSONValue.typed("string"), show: { .string($0) }) {
            text throws(ValueProblem) in
            do {
                _ = try Pattern(text)
            } catch {
                throw ValueProblem("is no expression: \(error)")
            }
            return text
        }
    }

    /// `http://HOST:PORT`, without a path.
    static var httpOrigin: Format {
        .scalar(
            "an address such as 'http://weir.example:5000'", schema: JSONValue.typed("string"), show: { .string($0) }
        ) { text throws(ValueProblem) in
            let trimmed = text.hasSuffix("/") ? String(text.dropLast()) : text
            let rest = trimmed.hasPrefix("http://") ? trimmed.dropFirst(7) : trimmed.dropFirst(8)
            guard trimmed.hasPrefix("http://") || trimmed.hasPrefix("https://"), !rest.isEmpty,
                !rest.contains(where: { "/?#@ ".contains($0) })
            else { throw ValueProblem("is no address of a server; write http://HOST:PORT") }
            return trimmed
        }
    }
}
