import HostileInput
import LibP2P
import OCI
import PeerGrants
import Testing
import Timekeeping

/// What a grant is good for, and what it is not.
struct GrantTests {
    private static let app = "ghcr.io/team/app"

    @Test
    func `a node that was granted a repository gets it from another node`() throws {
        let pair = try Pair()
        let app = try place(Self.app)
        let credential = try #require(pair.asking.credential(for: app, at: pair.giving))
        #expect(pair.giving.refusal([app], credential) == nil)
    }

    @Test
    func `public repositories need no grant, and none is shown for them`() throws {
        let pair = try Pair(granted: ["*"])
        let nginx = try place("docker.io/library/nginx")
        #expect(pair.asking.credential(for: nginx, at: pair.giving) == nil)
        #expect(pair.giving.refusal([nginx], nil) == nil)
    }

    @Test
    func `what is private is given to nobody without a grant`() throws {
        let pair = try Pair()
        #expect(pair.giving.refusal([try place(Self.app)], nil) == .missing)
    }

    @Test
    func `a blob of a private and of a public repository is public`() throws {
        let pair = try Pair()
        #expect(pair.giving.refusal([try place(Self.app), try place("docker.io/library/alpine")], nil) == nil)
    }

    @Test
    func `what has no name here is given to those alone who may have everything`() throws {
        let pair = try Pair(granted: ["ghcr.io/*"])
        #expect(pair.giving.refusal([], nil) == .missing)
        let credential = pair.asking.credential(for: try place(Self.app), at: pair.giving)
        #expect(pair.giving.refusal([], credential) == .notGranted)
    }

    @Test
    func `before the central Weir was heard everything is private`() throws {
        let pair = try Pair()
        let fresh = try Node(pair.clock)
        #expect(fresh.refusal([try place("docker.io/library/nginx")], nil) == .missing)
    }

    @Test
    func `a grant for one repository is none for another`() throws {
        let pair = try Pair(granted: [Self.app])
        let other = try place("ghcr.io/team/other")
        #expect(pair.asking.credential(for: other, at: pair.giving) == nil)
        // And where it is shown all the same, as by a node that lies:
        let credential = pair.asking.credential(for: try place(Self.app), at: pair.giving)
        #expect(pair.giving.refusal([other], credential) == .notGranted)
    }

    @Test
    func `a proof counts once`() throws {
        let pair = try Pair()
        let app = try place(Self.app)
        let credential = pair.asking.credential(for: app, at: pair.giving)
        #expect(pair.giving.refusal([app], credential) == nil)
        #expect(pair.giving.refusal([app], credential) == .replayed)
        pair.clock.advance(by: .seconds(PeerGrants.skew))
        #expect(pair.giving.refusal([app], credential) == .replayed)
        pair.clock.advance(by: .seconds(1))
        #expect(pair.giving.refusal([app], credential) == .outOfTime)
    }

    @Test
    func `a proof of the future counts once in all the time that it counts`() throws {
        let pair = try Pair()
        let app = try place(Self.app)
        let ahead = try Node(ManualWallClock(pair.clock.now() + .seconds(59)))
        var central = pair.central
        central.rules.nodes[0].peers.insert(ahead.identity.peerID)
        try ahead.grants.take(try central.answer(ahead))
        let credential = ahead.credential(for: app, at: pair.giving)
        #expect(pair.giving.refusal([app], credential) == nil)
        for _ in 0..<11 {
            pair.clock.advance(by: .seconds(10))
            #expect(pair.giving.refusal([app], credential) == .replayed)
        }
    }

    @Test
    func `a node that was shown a proof cannot use it at a third one, nor for anything else`() throws {
        let pair = try Pair()
        let app = try place(Self.app)
        let third = try Node(pair.clock)
        var central = pair.central
        central.rules.nodes[1].peers.insert(third.identity.peerID)
        try third.grants.take(try central.answer(third))
        let shown = try #require(pair.asking.credential(for: app, at: pair.giving))
        #expect(third.refusal([app], shown) == .wrongSignature)
        var other = shown
        other.target = "/v2/team/app/blobs/y?ns=ghcr.io"
        #expect(pair.giving.refusal([app], other) == .wrongSignature)
        other = shown
        other.method = "HEAD"
        #expect(pair.giving.refusal([app], other) == .wrongSignature)
    }

    @Test
    func `a grant that was seen is of no use to another node`() throws {
        let pair = try Pair()
        let app = try place(Self.app)
        let shown = try #require(pair.asking.credential(for: app, at: pair.giving))
        let thief = try Identity()
        let statement = GrantProof.Statement(
            audience: pair.giving.identity.peerID.description, method: shown.method, target: shown.target,
            grant: shown.grant)
        var stolen = shown
        stolen.proof = try GrantProof.make(by: thief, for: statement, now: pair.clock.now().seconds)
        #expect(pair.giving.refusal([app], stolen) == .otherNode)
    }

    @Test(arguments: [
        (-961, GrantError.notYetValid), (-61, .notYetValid), (959, nil), (960, .expired), (90_000, .expired),
    ])
    func `a grant counts in its time alone`(_ seconds: Int, _ expected: GrantError?) throws {
        let clock = ManualWallClock()
        let (key, identity) = (try Identity(), try Identity())
        let start = clock.now().seconds
        let grant = Grant(
            node: identity.peerID, notBefore: start, notAfter: start + 900, scopes: [try RepositoryScope("*")])
        let text = try grant.signed(with: key)
        var refusal: GrantError?
        do throws(GrantError) {
            let read = try Grant(
                text, keys: GrantKeyRing([GrantKey(key)]), now: start + Int64(seconds), skew: PeerGrants.skew)
            #expect(read == grant)
        } catch {
            refusal = error
        }
        #expect(refusal == expected)
    }

    @Test(arguments: [(Int64(0), Int64(86_401)), (0, -1), (0, .max), (.min, .max), (.max, .min), (.min, .min)])
    func `a grant of impossible times is refused whoever signed it`(_ before: Int64, _ after: Int64) throws {
        let (key, identity) = (try Identity(), try Identity())
        let text = try Grant(node: identity.peerID, notBefore: before, notAfter: after, scopes: []).signed(with: key)
        #expect(throws: GrantError.self) {
            try Grant(text, keys: GrantKeyRing([GrantKey(key)]), now: 1_700_000_000, skew: 60)
        }
    }

    @Test
    func `a grant that another key signed is refused, also under the name of a trusted one`() throws {
        let (key, other, node) = (try Identity(), try Identity(), try Identity())
        let grant = Grant(node: node.peerID, notBefore: 0, notAfter: 900, scopes: [try RepositoryScope("*")])
        let ring = GrantKeyRing([GrantKey(key)])
        let text = try grant.signed(with: other)
        #expect(throws: GrantError.unknownKey) { try Grant(text, keys: ring, now: 1, skew: 60) }
        let renamed = "\(GrantKey(key).id)." + text.split(separator: ".").dropFirst().joined(separator: ".")
        #expect(throws: GrantError.wrongSignature) { try Grant(renamed, keys: ring, now: 1, skew: 60) }
    }

    @Test
    func `a policy is no grant, and a grant no policy`() throws {
        let key = try Identity()
        let ring = GrantKeyRing([GrantKey(key)])
        let policy = try GrantPolicy(issuedAt: 1, privateScopes: [], keys: []).signed(with: key)
        let grant = try Grant(node: key.peerID, notBefore: 0, notAfter: 9, scopes: []).signed(with: key)
        #expect(throws: GrantError.wrongSignature) { try Grant(policy, keys: ring, now: 1, skew: 60) }
        #expect(throws: GrantError.wrongSignature) { try GrantPolicy(grant, keys: ring, now: 1, skew: 60) }
    }

    @Test
    func `every truncation and every changed byte of what is shown is refused`() throws {
        let pair = try Pair()
        let app = try place(Self.app)
        let shown = try #require(pair.asking.credential(for: app, at: pair.giving))
        var accepted = 0
        func show(_ change: (inout PeerCredential) -> Void) {
            var credential = shown
            change(&credential)
            if credential != shown, pair.giving.refusal([app], credential) == nil { accepted += 1 }
        }
        for length in stride(from: 0, to: shown.grant.count, by: 7) {
            show { $0.grant = String(shown.grant.prefix(length)) }
            show { $0.grant = replaced(shown.grant, at: length) }
        }
        for length in 0..<shown.proof.count {
            show { $0.proof = String(shown.proof.prefix(length)) }
            show { $0.proof = replaced(shown.proof, at: length) }
        }
        #expect(accepted == 0)
        #expect(pair.giving.refusal([app], shown) == nil)
    }

    @Test
    func `what is too large is refused before it is looked at`() throws {
        let pair = try Pair()
        let app = try place(Self.app)
        var shown = try #require(pair.asking.credential(for: app, at: pair.giving))
        let real = shown
        shown.grant += String(repeating: "A", count: 9000)
        #expect(pair.giving.refusal([app], shown) == .tooLarge)
        shown = real
        shown.proof += String(repeating: "A", count: 9000)
        #expect(pair.giving.refusal([app], shown) == .tooLarge)
        let many = try (0...Grant.scopeMax).map { try RepositoryScope("ghcr.io/team/a\($0)") }
        let grant = Grant(node: pair.asking.identity.peerID, notBefore: 0, notAfter: 1, scopes: many)
        #expect(throws: GrantError.tooLarge) { try grant.signed(with: pair.key) }
    }

    @Test
    func `random text is refused`() throws {
        let pair = try Pair()
        let app = try place(Self.app)
        var generator = SeededGenerator(seed: 7)
        let alphabet = Array("abcXYZ019-_.=+/\u{0} {}\"")
        for _ in 0..<2000 {
            let text = String(
                (0..<Int.random(in: 0...120, using: &generator)).map { _ in
                    alphabet.randomElement(using: &generator) ?? "a"
                })
            let credential = PeerCredential(grant: text, proof: text, method: "GET", target: "/")
            #expect(pair.giving.refusal([app], credential) != nil)
            #expect(throws: GrantError.self) { try GrantAnswer(Array(text.utf8)) }
        }
    }

    private func replaced(_ text: String, at place: Int) -> String {
        var characters = Array(text)
        // The last digit of base64 has bits that mean nothing: a change has to be in those that do.
        characters[place] = characters[place] == "A" ? "Q" : "A"
        return String(characters)
    }
}
