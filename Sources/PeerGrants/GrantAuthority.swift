internal import Crypto
package import LibP2P

/// Which node may have which private repositories, as the central Weir is configured.
package struct GrantRules: Sendable, Hashable {
    package struct Node: Sendable, Hashable {
        /// Known by this token, or by one of the peer IDs.
        package var token: String?
        package var peers: Set<PeerID>
        package var scopes: [RepositoryScope]

        package init(token: String?, peers: Set<PeerID>, scopes: [RepositoryScope]) {
            self.token = token
            self.peers = peers
            self.scopes = scopes
        }
    }

    package var privateScopes: [RepositoryScope]
    package var nodes: [Node]
    /// Of a grant, in seconds.
    package var lifetime: Int64

    package init(privateScopes: [RepositoryScope], nodes: [Node], lifetime: Int64) {
        self.privateScopes = privateScopes
        self.nodes = nodes
        self.lifetime = lifetime
    }

    /// What the node may have, by all entries that know it; nil for a node that none knows.
    func scopes(of peer: PeerID, token: String?) -> [RepositoryScope]? {
        // Digests are compared in the same time whatever the difference.
        let shown = token.map { SHA256.hash(data: Array($0.utf8)) }
        let known = nodes.filter { node in
            if node.peers.contains(peer) { return true }
            guard let shown, let token = node.token, !token.isEmpty else { return false }
            return SHA256.hash(data: Array(token.utf8)) == shown
        }
        guard !known.isEmpty else { return nil }
        var seen: Set<RepositoryScope> = []
        return known.flatMap(\.scopes).filter { seen.insert($0).inserted }
    }
}

/// Signs grants for nodes: the central Weir's part.
package struct GrantAuthority: Sendable {
    /// The first one signs; the others are announced, for the time of a change.
    private let keys: [Identity]

    /// - Parameter keys: at least one, or nothing is signed.
    package init(keys: [Identity]) { self.keys = keys }

    package var publicKeys: [GrantKey] { keys.map { GrantKey($0) } }

    /// - Parameters:
    ///   - proof: that the node which asks holds the key of its identity; a grant is of no use to others.
    ///   - authorization: the request's field, `Bearer …`, where the node has a token.
    ///   - now: seconds since 1970.
    /// - Throws: ``GrantError/notGranted`` for a node that nothing is configured for.
    package func answer(
        proof: String?, authorization: String?, rules: GrantRules, now: Int64, skew: Int64 = PeerGrants.skew
    ) throws(GrantError) -> GrantAnswer {
        guard let signer = keys.first else { throw .unsigned }
        guard let proof else { throw .missing }
        let statement = GrantProof.Statement(
            audience: GrantProof.Statement.central, method: "GET", target: GrantAnswer.path, grant: "")
        let shown = try GrantProof(proof)
        try shown.check(statement, now: now, skew: skew)
        guard let scopes = rules.scopes(of: shown.node, token: authorization.flatMap(Self.token)) else {
            throw .notGranted
        }
        let lifetime = min(max(rules.lifetime, 1), Grant.lifetimeMax)
        let grant = Grant(node: shown.node, notBefore: now, notAfter: now + lifetime, scopes: scopes)
        let policy = GrantPolicy(issuedAt: now, privateScopes: rules.privateScopes, keys: publicKeys)
        return GrantAnswer(
            grant: try grant.signed(with: signer), policy: try policy.signed(with: signer), keys: publicKeys)
    }

    /// RFC 6750, 2.1.
    private static func token(_ field: String) -> String? {
        let scheme = "bearer "
        guard field.utf8.count > scheme.utf8.count, field.prefix(scheme.count).lowercased() == scheme else {
            return nil
        }
        return String(field.dropFirst(scheme.count))
    }
}
