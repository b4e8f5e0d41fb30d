import NIOCore
import NIOHTTP1
import NIOPosix
import NodeContent
import OCI
import PeerRouting
import Synchronization
import Testing

@testable import PeerRegistry

@Suite(.serialized, .timeLimit(.minutes(1))) struct PeerManifestTests {
    private static let registry = RegistryHost.dockerHub

    /// Puts an image of one layer on a node, and has it advertised.
    private func publish(on node: Cluster.Node, tag: String = "1.0", seed: UInt64 = 1) async throws -> (Digest, [UInt8])
    {
        let config = node.content.put(noise(10, seed: seed))
        let layer = node.content.put(noise(10, seed: seed + 1))
        let bytes = manifest(config: config, layer: layer)
        let digest = node.content.put(bytes)
        node.content.name(
            NodeImage(
                registry: Self.registry, repository: try RepositoryName("library/x"), tag: try Tag(tag),
                digests: [digest, config, layer]), target: digest)
        await node.advertiser.relist()
        return (digest, bytes)
    }

    @Test(arguments: ["tag", "digest"])
    func `a manifest is served from the peer that has it`(_ form: String) async throws {
        try await Cluster.with(2) { cluster async throws in
            let (digest, bytes) = try await publish(on: cluster.nodes[1])
            let path = "/v2/library/x/manifests/\(form == "tag" ? "1.0" : "\(digest)")?ns=docker.io"
            let answer = try await cluster.get(0, path)
            #expect(answer.status == 200)
            #expect(answer.body == bytes)
            #expect(answer.headers.first(name: "Content-Type") == MediaType.ociManifest.description)
            #expect(answer.headers.first(name: "Docker-Content-Digest") == "\(digest)")
            let head = try await cluster.get(0, path, method: .HEAD)
            #expect(head.status == 200)
            #expect(head.body == [])
            #expect(head.headers.first(name: "Content-Length") == "\(bytes.count)")
            #expect(head.headers.first(name: "Docker-Content-Digest") == "\(digest)")
        }
    }

    @Test func `while the keeper of the content is away, peers are asked for what is here`() async throws {
        try await Cluster.with(2) { cluster async throws in
            let (digest, bytes) = try await publish(on: cluster.nodes[0])
            _ = try await publish(on: cluster.nodes[1])
            cluster.nodes[0].content.setGone(true)
            for reference in ["1.0", "\(digest)"] {
                let path = "/v2/library/x/manifests/\(reference)?ns=docker.io"
                let answer = try await cluster.get(0, path)
                #expect(answer.status == 200 && answer.body == bytes, "\(reference)")
                let mirrored = try await cluster.get(0, path, fields: [("X-Spegel-Mirrored", "true")])
                #expect(mirrored.status == 404, "\(reference)")
            }
        }
    }

    @Test(arguments: [
        "/v2/library/x/manifests/1.0", "/v2/library/x/manifests/1.0?ns=", "/v2/library/x/manifests/1.0?ns=%00",
        "/v2/library/X/manifests/1.0?ns=docker.io", "/v2/library/x/manifests/-bad?ns=docker.io",
        "/v2/library/x/blobs/1.0?ns=docker.io", "/v2/library/x/tags/list?ns=docker.io", "/v2/_catalog", "/other",
        "/v2/library/x/manifests/2.0?ns=docker.io",
    ])
    func `whatever is not known is 404`(_ path: String) async throws {
        try await Cluster.with(1) { cluster async throws in
            _ = try await publish(on: cluster.nodes[0])
            #expect(try await cluster.get(0, path).status == 404)
        }
    }

    @Test func `the base is 200 and empty, and other methods are refused`() async throws {
        try await Cluster.with(1) { cluster async throws in
            for path in ["/v2", "/v2/"] {
                let answer = try await cluster.get(0, path)
                #expect(answer.status == 200)
                #expect(answer.body == [])
            }
            #expect(try await cluster.get(0, "/v2/", method: .PUT).status == 405)
            #expect(try await cluster.get(0, "/livez").status == 200)
        }
    }

    @Test func `a layer is no manifest`() async throws {
        try await Cluster.with(1) { cluster async throws in
            let digest = cluster.nodes[0].content.put(noise(100))
            #expect(try await cluster.get(0, "/v2/library/x/manifests/\(digest)?ns=docker.io").status == 404)
        }
    }

    @Test func `a peer that gives another manifest for a digest is set aside, and the next is asked`() async throws {
        try await Cluster.with(3) { cluster async throws in
            let (digest, bytes) = try await publish(on: cluster.nodes[2])
            let other = manifest(config: DigestHasher.digest(of: [1]), layer: DigestHasher.digest(of: [2]))
            cluster.nodes[1].lie(.init(bytes: other), as: digest)
            for _ in 0..<3 {
                let answer = try await cluster.get(0, "/v2/library/x/manifests/\(digest)?ns=docker.io")
                #expect(answer.status == 200)
                #expect(answer.body == bytes)
            }
        }
    }

    @Test func `what is hidden is neither advertised nor served`() async throws {
        let filter = try RegistryFilter(hidden: ["^docker\\.io/library/x:1\\.", "^docker\\.io/secret/"])
        try await Cluster.with(2, filter: filter) { cluster async throws in
            let (digest, _) = try await publish(on: cluster.nodes[1])
            let tag = RoutingKey(
                registry: Self.registry, repository: try RepositoryName("library/x"), tag: try Tag("1.0"))
            let advertised = cluster.nodes[1].advertiser.keys.all
            #expect(advertised.contains(RoutingKey(digest)) && !advertised.contains(tag))
            #expect(try await cluster.get(1, "/v2/library/x/manifests/1.0?ns=docker.io").status == 404)
            #expect(try await cluster.get(1, "/v2/secret/y/manifests/\(digest)?ns=docker.io").status == 404)
            #expect(try await cluster.get(1, "/v2/library/x/manifests/\(digest)?ns=docker.io").status == 200)
        }
    }

    @Test func `only registries that take part are served, and latest only where it is shared`() async throws {
        let filter = try RegistryFilter(registries: [.dockerHub], sharesLatest: false)
        try await Cluster.with(1, filter: filter) { cluster async throws in
            let (digest, _) = try await publish(on: cluster.nodes[0], tag: "latest")
            #expect(try await cluster.get(0, "/v2/library/x/manifests/latest?ns=docker.io").status == 404)
            #expect(try await cluster.get(0, "/v2/library/x/manifests/\(digest)?ns=docker.io").status == 200)
            #expect(try await cluster.get(0, "/v2/library/x/manifests/\(digest)?ns=ghcr.io").status == 404)
        }
    }

    @Test func `a password is asked for, sent to peers, and never challenged for`() async throws {
        try await Cluster.with(2, authorization: "Basic dTpw") { cluster async throws in
            let (digest, bytes) = try await publish(on: cluster.nodes[1])
            let path = "/v2/library/x/manifests/\(digest)?ns=docker.io"
            let refused = try await cluster.get(0, path)
            #expect(refused.status == 401)
            #expect(refused.headers.first(name: "WWW-Authenticate") == nil)
            #expect(try await cluster.get(0, path, fields: [("Authorization", "Basic dTpx")]).status == 401)
            let answer = try await cluster.get(0, path, fields: [("Authorization", "Basic dTpw")])
            #expect(answer.status == 200)
            #expect(answer.body == bytes)
        }
    }

    @Test func `the central cache decides what a tag names, and peers only while it is down`() async throws {
        try await Cluster.with(1) { central async throws in
            let (right, _) = try await publish(on: central.nodes[0], seed: 10)
            let origin = central.nodes[0].origin
            try await Cluster.with(2, configure: { $0.central = origin }) { cluster async throws in
                let (poisoned, _) = try await publish(on: cluster.nodes[1], seed: 20)
                let answer = try await cluster.get(0, "/v2/library/x/manifests/1.0?ns=docker.io")
                #expect(answer.headers.first(name: "Docker-Content-Digest") == "\(right)")
                #expect(right != poisoned)
                // It says no, and that counts, although a peer would say otherwise.
                _ = try await publish(on: cluster.nodes[1], tag: "2.0", seed: 30)
                #expect(try await cluster.get(0, "/v2/library/x/manifests/2.0?ns=docker.io").status == 404)
                // A digest may come from anybody.
                #expect(try await cluster.get(0, "/v2/library/x/manifests/\(poisoned)?ns=docker.io").status == 200)
            }
        }
        try await Cluster.with(2, configure: { $0.central = "http://127.0.0.1:1" }) { cluster async throws in
            let (digest, _) = try await publish(on: cluster.nodes[1])
            let answer = try await cluster.get(0, "/v2/library/x/manifests/1.0?ns=docker.io", method: .HEAD)
            #expect(answer.headers.first(name: "Docker-Content-Digest") == "\(digest)")
        }
    }

    @Test func `no peer is asked for a tag where that is not allowed`() async throws {
        try await Cluster.with(2, configure: { $0.tagsFromPeers = .never }) { cluster async throws in
            let (digest, _) = try await publish(on: cluster.nodes[1])
            #expect(try await cluster.get(0, "/v2/library/x/manifests/1.0?ns=docker.io").status == 404)
            #expect(try await cluster.get(0, "/v2/library/x/manifests/\(digest)?ns=docker.io").status == 200)
        }
    }

    /// While the central cache is not asked peers say what a tag names; so no peer is to bring that about.
    @Test(arguments: ["wrong bytes", "another length"])
    func `a peer that lies does not have the central cache set aside`(_ lie: String) async throws {
        try await Cluster.with(1) { central async throws in
            let bytes = noise(2 << 20)
            let digest = central.nodes[0].content.put(bytes)
            let (true1, _) = try await publish(on: central.nodes[0])
            let origin = central.nodes[0].origin
            try await Cluster.with(2, configure: { $0.central = origin }) { cluster async throws in
                let (false1, _) = try await publish(on: cluster.nodes[1], seed: 7)
                #expect(false1 != true1)
                var wrong = bytes
                wrong[1000] ^= 1
                if lie == "another length" { wrong = bytes + [1, 2, 3] }
                cluster.nodes[1].lie(.init(bytes: wrong, breaksAt: 1 << 20), as: digest)
                #expect(try await !cluster.blob(0, digest).isWhole)
                let setAside = cluster.nodes[0].registry.peersSetAside
                #expect(setAside.map(\.origin) == [cluster.nodes[1].origin], "\(setAside)")
                let head = try await cluster.get(0, "/v2/library/x/manifests/1.0?ns=docker.io", method: .HEAD)
                #expect(head.headers.first(name: "Docker-Content-Digest") == "\(true1)")
                #expect(try await isSame(cluster.blob(0, digest).body, bytes))
            }
        }
    }

    @Test(arguments: [PeerRegistryConfiguration.TagTrust.fallback, .always, .never])
    func `who says what a tag names is as configured`(_ trust: PeerRegistryConfiguration.TagTrust) async throws {
        try await Cluster.with(1) { central async throws in
            let (centrals, _) = try await publish(on: central.nodes[0])
            let origin = central.nodes[0].origin
            let configure = { (configuration: inout PeerRegistryConfiguration) in
                configuration.central = origin
                configuration.tagsFromPeers = trust
            }
            try await Cluster.with(2, configure: configure) { cluster async throws in
                let (peers, _) = try await publish(on: cluster.nodes[1], seed: 7)
                _ = try await publish(on: cluster.nodes[1], tag: "2.0", seed: 9)
                let head = try await cluster.get(0, "/v2/library/x/manifests/1.0?ns=docker.io", method: .HEAD)
                let expected = trust == .always ? peers : centrals
                #expect(head.headers.first(name: "Docker-Content-Digest") == "\(expected)")
                // A tag that the central cache does not know: its no is final.
                let other = try await cluster.get(0, "/v2/library/x/manifests/2.0?ns=docker.io", method: .HEAD)
                #expect(other.status == (trust == .always ? 200 : 404))
            }
        }
    }

    @Test func `a central cache that does not answer is waited for once, and then hardly`() async throws {
        let silent = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .bind(host: "127.0.0.1", port: 0).get()
        let port = try #require(silent.localAddress?.port)
        try await Cluster.with(
            2,
            configure: {
                $0.central = "http://127.0.0.1:\(port)"
                $0.centralTimeout = .milliseconds(400)
                $0.centralDoubtTimeout = .milliseconds(10)
                $0.setAsideTime = .milliseconds(1)
            }
        ) { cluster async throws in
            let (digest, _) = try await publish(on: cluster.nodes[1])
            let fetcher = cluster.nodes[0].registry.fetcher
            let question = PeerQuestion(
                registry: Self.registry, repository: try RepositoryName("library/x"), kind: .manifests,
                reference: .digest(digest))
            let start = ContinuousClock.now
            #expect(await fetcher.askCentral(question, excluding: []) != nil)
            #expect(ContinuousClock.now - start >= .milliseconds(400))
            for outages in 1...4 {
                #expect(fetcher.memory.state.withLock { $0.centralOutages } == outages)
                // Set aside for a moment, which doubles.
                while await fetcher.askCentral(question, excluding: []) == nil { await Task.yield() }
            }
            let until = try #require(fetcher.memory.state.withLock { $0.standing.setAside.values.first }).until
            #expect(until - .now <= .milliseconds(8))
        }
        try await silent.close()
    }

    @Test func `what peers lack comes from the central cache, verified as well`() async throws {
        try await Cluster.with(1) { central async throws in
            let bytes = noise(200_000)
            let digest = central.nodes[0].content.put(bytes)
            let wrong = DigestHasher.digest(of: [9])
            central.nodes[0].content.put(wrong, .init(bytes: bytes))
            let origin = central.nodes[0].origin
            try await Cluster.with(1, configure: { $0.central = origin }) { cluster async throws in
                #expect(try await cluster.blob(0, digest).body == bytes)
                #expect(try await cluster.blob(0, wrong).isWhole == false)
            }
        }
    }
}
