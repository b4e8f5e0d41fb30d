import LibP2P
import OCI
import PeerGrants
import Testing
import Timekeeping

/// Whom the central Weir grants what, and whose word nodes take for it.
struct CentralTests {
    @Test
    func `a node is known by its token or by its identity, and has what all entries give it`() throws {
        let key = try Identity()
        let node = try Node()
        let both = try Central(
            keys: [key],
            nodes: [
                .init(token: "one", peers: [], scopes: [try RepositoryScope("ghcr.io/team/a")]),
                .init(token: nil, peers: [node.identity.peerID], scopes: [try RepositoryScope("ghcr.io/team/b")]),
                .init(token: "two", peers: [], scopes: [try RepositoryScope("*")]),
            ])
        try node.grants.take(try both.answer(node, token: "one"))
        #expect(
            node.grants.summary == "granted for 15 min: ghcr.io/team/a, ghcr.io/team/b; 1 private scope")
    }

    @Test(arguments: [nil, "", "wrong", "tokens", "toke"])
    func `a node that nothing is configured for gets nothing`(_ token: String?) throws {
        let node = try Node()
        let central = try Central(
            keys: [try Identity()],
            nodes: [
                .init(token: "token", peers: [], scopes: []), .init(token: "", peers: [], scopes: []),
                .init(token: nil, peers: [try Identity().peerID], scopes: []),
            ])
        #expect(throws: GrantError.notGranted) { try central.answer(node, token: token) }
    }

    @Test
    func `who asks has to prove its identity, now, and to the central Weir`() throws {
        let node = try Node()
        let authority = GrantAuthority(keys: [try Identity()])
        let rules = GrantRules(
            privateScopes: [], nodes: [.init(token: "t", peers: [], scopes: [])], lifetime: 900)
        let now = node.clock.now().seconds
        func refusal(_ proof: String?, at time: Int64) -> GrantError? {
            do throws(GrantError) {
                _ = try authority.answer(proof: proof, authorization: "bearer t", rules: rules, now: time)
                return nil
            } catch {
                return error
            }
        }
        let proof = try node.grants.proofForCentral()
        #expect(refusal(proof, at: now) == nil)
        #expect(refusal(nil, at: now) == .missing)
        #expect(refusal(proof, at: now + 61) == .outOfTime)
        #expect(refusal(proof, at: now - 61) == .outOfTime)
        #expect(refusal("x", at: now) == .malformed)
        let peer = GrantProof.Statement(
            audience: node.identity.peerID.description, method: "GET", target: GrantAnswer.path, grant: "")
        #expect(refusal(try GrantProof.make(by: node.identity, for: peer, now: now), at: now) == .wrongSignature)
    }

    @Test
    func `an answer for one node is of no use to another`() throws {
        let pair = try Pair()
        let answer = try pair.central.answer(pair.asking, token: "workers")
        #expect(throws: GrantError.otherNode) { try pair.giving.grants.take(answer) }
    }

    @Test
    func `without TLS and without a key nobody is believed`() throws {
        let pair = try Pair()
        let node = try Node(pair.clock, trustsAnswer: false)
        let answer = try pair.central.answer(node, token: "workers")
        #expect(throws: GrantError.untrusted) { try node.grants.take(answer) }
    }

    @Test
    func `a configured key is believed, and another one is not`() throws {
        let pair = try Pair()
        let good = try Node(pair.clock, pinned: [pair.key], trustsAnswer: false)
        try good.grants.take(try pair.central.answer(good, token: "workers"))
        let bad = try Node(pair.clock, pinned: [try Identity()], trustsAnswer: false)
        let answer = try pair.central.answer(bad, token: "workers")
        #expect(throws: GrantError.unknownKey) { try bad.grants.take(answer) }
    }

    @Test
    func `keys change without anybody being refused`() throws {
        let (old, new) = (try Identity(), try Identity())
        let clock = ManualWallClock()
        let (asking, giving) = (
            try Node(clock, pinned: [old], trustsAnswer: false), try Node(clock, pinned: [old], trustsAnswer: false)
        )
        let scope = try RepositoryScope("ghcr.io/team/*")
        let app = try place("ghcr.io/team/app")
        let nodes = [GrantRules.Node(token: "t", peers: [], scopes: [scope])]
        let before = try Central(keys: [old], nodes: nodes)
        for node in [asking, giving] { try node.grants.take(try before.answer(node, token: "t")) }
        for keys in [[old, new], [new, old], [new]] {
            clock.advance(by: .seconds(400))
            let central = try Central(keys: keys, nodes: nodes)
            // One learns of the step before the other does.
            for node in [asking, giving] {
                try node.grants.take(try central.answer(node, token: "t"))
                #expect(giving.refusal([app], asking.credential(for: app, at: giving)) == nil)
                #expect(asking.refusal([app], giving.credential(for: app, at: asking)) == nil)
            }
        }
    }

    @Test
    func `an old answer changes nothing`() throws {
        let pair = try Pair()
        let old = try pair.central.answer(pair.asking, token: "workers")
        pair.clock.advance(by: .seconds(10))
        try pair.asking.grants.take(try pair.central.answer(pair.asking, token: "workers"))
        #expect(throws: GrantError.outdated) { try pair.asking.grants.take(old) }
        pair.clock.advance(by: .seconds(90_000))
        let fresh = try Node(pair.clock)
        #expect(throws: GrantError.expired) { try fresh.grants.take(old) }
    }

    @Test
    func `a grant is renewed at half its time, and not shown once it has expired`() throws {
        let pair = try Pair()
        let app = try place("ghcr.io/team/app")
        #expect(pair.asking.grants.renewalSeconds == 450)
        pair.clock.advance(by: .seconds(899))
        #expect(pair.asking.grants.renewalSeconds == 1)
        #expect(pair.asking.credential(for: app, at: pair.giving) != nil)
        pair.clock.advance(by: .seconds(1))
        #expect(pair.asking.grants.renewalSeconds == nil)
        #expect(pair.asking.credential(for: app, at: pair.giving) == nil)
        #expect(pair.asking.grants.summary.contains("expired"))
    }

    @Test
    func `an answer is read as it was written, and damaged ones are refused`() throws {
        let pair = try Pair()
        let answer = try pair.central.answer(pair.asking, token: "workers")
        #expect(try GrantAnswer(answer.json) == answer)
        for length in stride(from: 0, to: answer.json.count, by: 11) {
            #expect(throws: GrantError.self) { try GrantAnswer(Array(answer.json.prefix(length))) }
        }
        #expect(throws: GrantError.tooLarge) {
            try GrantAnswer([UInt8](repeating: 0x20, count: GrantAnswer.limitBytes + 1))
        }
    }
}
