internal import LibP2P
internal import PeerGrants
internal import RegistryServer

/// Which nodes may give each other which private repositories: the central Weir's part.
struct GrantSettings {
    var keys: [String] = []
    var lifetime = Duration.seconds(15 * 60)
    var privateScopes: [RepositoryScope] = []
    var nodes: [TableEntry<String, GrantNodeSettings>] = []
}

struct GrantNodeSettings {
    var token: Secret?
    var peers: [PeerID] = []
    var repositories: [RepositoryScope] = []
}

/// A node's own part.
struct NodeGrantSettings {
    var token: Secret?
    var keys: [GrantKey] = []
    var localClients = ["127.0.0.0/8", "::1/128"]
}

extension GrantSettings {
    static var settings: [Setting<Self>] {
        [
            Setting(
                "keys", \.keys, Format.path("a file").list, standard: .string("grants.key in the storage directory"),
                "Files of the keys that sign, Ed25519 in PEM, made where they are missing. The first signs; the others "
                    + "are told to nodes, before and after a change."),
            Setting(
                "lifetime", \.lifetime, .duration(.seconds(60)...Duration.seconds(Grant.lifetimeMax)),
                standard: .string("15m"), "Of a grant; it cannot be taken back before that."),
            Setting(
                "private", \.privateScopes, Format.repositoryScope.list, standard: .array([]),
                "Repositories that nodes give to each other against a grant alone; all others are public."),
            Setting(
                "nodes", \.nodes,
                Format.group(GrantNodeSettings.settings, { GrantNodeSettings() }).table(
                    keyExpectation: "names", showKey: { $0 }, parseKey: { text throws(ValueProblem) in text }),
                standard: .object([]), "Who may have what, by names of your own."),
        ]
    }
}

extension GrantNodeSettings {
    static var settings: [Setting<Self>] {
        [
            Setting(
                "token", \.token, .secret("a token"), "Nodes that show it ('node.grants.token') are these."),
            Setting(
                "peers", \.peers, Format.peerID.list, standard: .array([]),
                "Nodes of these identities are, as 'weir node status' shows them."),
            Setting(
                "repositories", \.repositories, Format.repositoryScope.list, standard: .array([]),
                "What they may have; nothing still lets them share what is public."),
        ]
    }
}

extension NodeGrantSettings {
    static var settings: [Setting<Self>] {
        [
            Setting(
                "token", \.token, .secret("a token"), "What the central Weir knows this node by, beside its identity."),
            Setting(
                "keys", \.keys, Format.grantKey.list, standard: .array([]),
                "Public keys of the central Weir that are trusted, in base64; none trusts whoever answers at 'central' "
                    + "by TLS."),
            Setting(
                "localClients", \.localClients, Format.addressBlock.list,
                standard: .array([.string("127.0.0.0/8"), .string("::1/128")]),
                "Who is asked for no grant: the containerd of this machine. Everybody else is a peer."),
        ]
    }
}

extension Format where Value == RepositoryScope {
    static var repositoryScope: Format {
        .scalar(
            "REGISTRY/REPOSITORY, REGISTRY/PREFIX/*, REGISTRY/* or *", schema: JSONValue.typed("string"),
            show: { .string("\($0)") }
        ) { text throws(ValueProblem) in
            do {
                return try RepositoryScope(text)
            } catch {
                throw ValueProblem("names no repositories; write such as 'ghcr.io/team/app' or 'ghcr.io/team/*'")
            }
        }
    }
}

extension Format where Value == PeerID {
    static var peerID: Format {
        .scalar("a peer ID", schema: JSONValue.typed("string"), show: { .string("\($0)") }) {
            text throws(ValueProblem) in
            do {
                return try PeerID(text)
            } catch {
                throw ValueProblem("is no peer ID; 'weir node status' shows a node's as its identity")
            }
        }
    }
}

extension Format where Value == GrantKey {
    static var grantKey: Format {
        .scalar("a public key in base64", schema: JSONValue.typed("string"), show: { .string("\($0)") }) {
            text throws(ValueProblem) in
            do {
                return try GrantKey(text)
            } catch {
                throw ValueProblem(
                    "is no Ed25519 key in base64; the central Weir writes its keys to its log as it starts")
            }
        }
    }
}
