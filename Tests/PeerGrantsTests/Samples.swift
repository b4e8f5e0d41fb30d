import LibP2P
import OCI
import PeerGrants
import Timekeeping

/// A central Weir, and nodes that it knows.
struct Central {
    var keys: [Identity]
    var rules: GrantRules

    init(
        keys: [Identity], private scopes: [String] = ["ghcr.io/team/*"], nodes: [GrantRules.Node] = [],
        lifetime: Int64 = 900
    ) throws {
        self.keys = keys
        rules = GrantRules(
            privateScopes: try scopes.map { try RepositoryScope($0) }, nodes: nodes, lifetime: lifetime)
    }

    func answer(_ node: Node, token: String? = nil) throws -> GrantAnswer {
        try GrantAuthority(keys: keys).answer(
            proof: try node.grants.proofForCentral(), authorization: token.map { "Bearer \($0)" }, rules: rules,
            now: node.clock.now().seconds)
    }
}

/// A node, with a clock of its own.
struct Node {
    let identity: Identity
    let clock: ManualWallClock
    let grants: PeerGrants

    init(_ clock: ManualWallClock = ManualWallClock(), pinned: [Identity] = [], trustsAnswer: Bool = true) throws {
        identity = try Identity()
        self.clock = clock
        grants = PeerGrants(
            identity: identity,
            configuration: .init(pinnedKeys: pinned.map { GrantKey($0) }, trustsAnswer: trustsAnswer), clock: clock)
    }

    /// What this node shows to `other`.
    func credential(
        for place: RepositoryPlace, at other: Node, target: String = "/v2/team/app/blobs/x?ns=ghcr.io"
    ) -> PeerCredential? {
        grants.credential(for: place, audience: other.identity.peerID.description, method: "GET", target: target)
    }

    /// Nil where it may have it.
    func refusal(_ places: [RepositoryPlace], _ credential: PeerCredential?) -> GrantError? {
        do throws(GrantError) {
            try grants.judge(places, credential)
            return nil
        } catch {
            return error
        }
    }
}

func place(_ text: String) throws -> RepositoryPlace {
    let parts = text.split(separator: "/", maxSplits: 1)
    return RepositoryPlace(try RegistryHost(parts[0]), try RepositoryName(parts[1]))
}

/// Two nodes that a central Weir grants `ghcr.io/team/*`.
struct Pair {
    let key: Identity
    let central: Central
    let clock = ManualWallClock()
    let asking: Node
    let giving: Node

    init(granted: [String] = ["ghcr.io/team/*"]) throws {
        key = try Identity()
        asking = try Node(clock)
        giving = try Node(clock)
        let scopes = try granted.map { try RepositoryScope($0) }
        central = try Central(
            keys: [key],
            nodes: [
                GrantRules.Node(token: "workers", peers: [], scopes: scopes),
                GrantRules.Node(token: nil, peers: [giving.identity.peerID], scopes: []),
            ])
        try asking.grants.take(try central.answer(asking, token: "workers"))
        try giving.grants.take(try central.answer(giving))
    }
}
