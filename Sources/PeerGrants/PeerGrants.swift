package import LibP2P
internal import Synchronization
package import Timekeeping

/// What a peer shows beside a request, and what of the request it is about.
package struct PeerCredential: Sendable, Hashable {
    /// The fields of a request.
    package static let grantField = "Weir-Grant"
    package static let proofField = "Weir-Proof"

    package var grant: String
    package var proof: String
    package var method: String
    package var target: String

    package init(grant: String, proof: String, method: String, target: String) {
        self.grant = grant
        self.proof = proof
        self.method = method
        self.target = target
    }
}

/// A node's side of grants: its own, which it shows to peers, and those that peers show to it.
///
/// Until the central Weir was asked once, everything counts as private. After that its last word counts, also while it
/// cannot be reached; grants expire all the same. Nothing is kept over a restart.
package final class PeerGrants: Sendable {
    package struct Configuration: Sendable, Hashable {
        /// Keys that are trusted whatever the central says.
        package var pinnedKeys: [GrantKey]
        /// Whether the central proves by TLS who it is, so that the keys in its answer are its own.
        package var trustsAnswer: Bool

        package init(pinnedKeys: [GrantKey] = [], trustsAnswer: Bool = false) {
            self.pinnedKeys = pinnedKeys
            self.trustsAnswer = trustsAnswer
        }
    }

    /// By how many seconds clocks may differ, and how long a proof counts.
    package static let skew: Int64 = 60

    private struct State {
        var policy: GrantPolicy?
        var own: (text: String, grant: Grant)?
        var window = ReplayWindow(span: 2 * PeerGrants.skew)
    }

    private let identity: Identity
    private let configuration: Configuration
    private let clock: any WallClock
    private let state = Mutex(State())

    package init(identity: Identity, configuration: Configuration, clock: any WallClock = SystemWallClock()) {
        self.identity = identity
        self.configuration = configuration
        self.clock = clock
    }

    /// Who this node is among peers.
    package var node: PeerID { identity.peerID }

    private var now: Int64 { clock.now().seconds }

    // MARK: Our own

    /// What is shown to the central when it is asked.
    package func proofForCentral() throws(GrantError) -> String {
        let statement = GrantProof.Statement(
            audience: GrantProof.Statement.central, method: "GET", target: GrantAnswer.path, grant: "")
        return try GrantProof.make(by: identity, for: statement, now: now)
    }

    /// Takes in what the central has answered. Where it does not count, everything stays as it was.
    package func take(_ answer: GrantAnswer) throws(GrantError) {
        let now = now
        let old = state.withLock { $0.policy }
        let trusted = configuration.pinnedKeys + (old?.keys ?? []) + (configuration.trustsAnswer ? answer.keys : [])
        guard !trusted.isEmpty else { throw .untrusted }
        let policy = try GrantPolicy(answer.policy, keys: GrantKeyRing(trusted), now: now, skew: Self.skew)
        let grant = try Grant(answer.grant, keys: ring(policy), now: now, skew: Self.skew)
        guard grant.node == identity.peerID else { throw .otherNode }
        let isNews = state.withLock { state in
            guard policy.issuedAt >= state.policy?.issuedAt ?? 0 else { return false }
            state.policy = policy
            state.own = (answer.grant, grant)
            return true
        }
        guard isNews else { throw .outdated }
    }

    /// After how many seconds the central is to be asked again: half of what is left; nil where nothing is left.
    package var renewalSeconds: Int64? {
        let now = now
        guard let grant = state.withLock({ $0.own?.grant }), grant.notAfter > now else { return nil }
        return max(1, (grant.notAfter - now) / 2)
    }

    /// What to show to a peer; nil where the repository is public or nothing that is granted covers it.
    /// - Parameter audience: the peer's ID.
    package func credential(
        for place: RepositoryPlace, audience: String, method: String, target: String
    ) -> PeerCredential? {
        let now = now
        let (policy, own) = state.withLock { ($0.policy, $0.own) }
        guard let own, own.grant.notAfter > now, policy?.isPrivate(place) != false, own.grant.covers(place) else {
            return nil
        }
        let statement = GrantProof.Statement(audience: audience, method: method, target: target, grant: own.text)
        guard let proof = try? GrantProof.make(by: identity, for: statement, now: now) else { return nil }
        return PeerCredential(grant: own.text, proof: proof, method: method, target: target)
    }

    // MARK: Those of others

    /// Whether a peer may have content that is known under `places`: one public place is enough, and so is one that
    /// its grant covers.
    /// - Throws: why not.
    package func judge(_ places: some Collection<RepositoryPlace>, _ credential: PeerCredential?) throws(GrantError) {
        let policy = state.withLock { $0.policy }
        if let policy, places.contains(where: { !policy.isPrivate($0) }) { return }
        guard let credential else { throw .missing }
        let now = now
        let grant = try Grant(credential.grant, keys: ring(policy), now: now, skew: Self.skew)
        guard places.contains(where: { grant.covers($0) }) else { throw .notGranted }
        let proof = try GrantProof(credential.proof)
        guard proof.node == grant.node else { throw .otherNode }
        let statement = GrantProof.Statement(
            audience: identity.peerID.description, method: credential.method, target: credential.target,
            grant: credential.grant)
        try proof.check(statement, now: now, skew: Self.skew)
        try state.withLock { state throws(GrantError) in try state.window.admit(proof, now: now) }
    }

    private func ring(_ policy: GrantPolicy?) -> GrantKeyRing {
        GrantKeyRing(configuration.pinnedKeys + (policy?.keys ?? []))
    }

    // MARK: For people

    /// `granted for 12 min: ghcr.io/team/*; 3 private scopes`.
    package var summary: String {
        let now = now
        let (policy, own) = state.withLock { ($0.policy, $0.own?.grant) }
        guard let policy else { return "nothing heard from the central Weir; everything counts as private" }
        let scopes = policy.privateScopes.count
        let rules = "\(scopes) private \(scopes == 1 ? "scope" : "scopes")"
        guard let own, own.notAfter > now else { return "the grant has expired; \(rules)" }
        let granted = own.scopes.isEmpty ? "nothing" : own.scopes.map(\.description).joined(separator: ", ")
        return "granted for \((own.notAfter - now + 59) / 60) min: \(granted); \(rules)"
    }
}
