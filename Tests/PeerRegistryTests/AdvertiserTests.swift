import NodeContent
import OCI
import PeerRouting
import Synchronization
import Testing

@testable import PeerRegistry

@Suite(.serialized, .timeLimit(.minutes(1))) struct AdvertiserTests {
    private func image(_ tag: String?, _ digests: [Digest]) throws -> NodeImage {
        NodeImage(
            registry: .dockerHub, repository: try RepositoryName("library/x"),
            tag: try tag.map { text in try Tag(text) },
            digests: digests)
    }

    private func found(_ key: RoutingKey, by node: Cluster.Node) async throws -> Bool {
        let peers = Mutex(0)
        try await node.router.lookUp(key, limit: 1) { _ in peers.withLock { $0 += 1 } }
        return peers.withLock { $0 } > 0
    }

    private func eventually(_ condition: () async throws -> Bool) async throws {
        while try await !condition() { try await Task.sleep(for: .milliseconds(2)) }
    }

    @Test func `tags and digests are advertised as Spegel names them`() throws {
        let digest = DigestHasher.digest(of: [1])
        let keys = AdvertisedKeys([try image("1.27", [digest]), try image(nil, [digest])], filter: .open)
        #expect(Set(keys.all.map(\.description)) == ["docker.io/library/x:1.27", "\(digest)"])
        #expect(keys.tags == [.dockerHub: 1])
        #expect(keys.contents == [.dockerHub: 1])
        // A name whose content is gone leads nowhere.
        #expect(AdvertisedKeys([try image("1.27", [])], filter: .open).all == [])
    }

    @Test func `a tag that is not shared leaves its digests to be found, a hidden repository nothing`() throws {
        let digest = DigestHasher.digest(of: [1])
        let images = [try image("latest", [digest]), try image("1.27-internal", [digest])]
        let tags = try RegistryFilter(hidden: [":.*-internal$"], sharesLatest: false)
        let keys = AdvertisedKeys(images, filter: tags)
        #expect(keys.all == [RoutingKey(digest)])
        #expect(keys.tags == [:])
        #expect(keys.contents == [.dockerHub: 1])
        #expect(AdvertisedKeys(images, filter: try RegistryFilter(hidden: ["/library/x"])).all == [])
    }

    @Test func `changes are followed, over a stop of containerd too`() async throws {
        try await Cluster.with(2) { cluster async throws in
            let (node, other) = (cluster.nodes[0], cluster.nodes[1])
            let (first, second) = (DigestHasher.digest(of: [1]), DigestHasher.digest(of: [2]))
            node.content.name(try image("1", [first]), target: first)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { await node.advertiser.run() }
                try await eventually { try await found(RoutingKey(first), by: other) }
                #expect(node.advertiser.isFollowing)
                node.content.setGone(true)
                try await eventually { !node.advertiser.isFollowing }
                // What was there will be there again.
                #expect(try await found(RoutingKey(first), by: other))
                node.content.setGone(false)
                node.content.name(try image("2", [second]), target: second)
                try await eventually { try await found(RoutingKey(second), by: other) }
                node.content.removeImages()
                try await eventually { try await !found(RoutingKey(second), by: other) }
                node.content.name(try image("3", [first]), target: first)
                try await eventually { try await found(RoutingKey(first), by: other) }
                group.cancelAll()
            }
            #expect(try await !found(RoutingKey(first), by: other))
        }
    }

    /// Nothing else would ask again before ``Advertiser/Configuration/relistInterval``.
    @Test func `a listing that failed is tried again, though nothing changes`() async throws {
        try await Cluster.with(2) { cluster async throws in
            let (node, other) = (cluster.nodes[0], cluster.nodes[1])
            let digest = DigestHasher.digest(of: [1])
            node.content.failListings(3)
            #expect(node.advertiser.trouble == nil)
            node.content.name(try image("1", [digest]), target: digest)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { await node.advertiser.run() }
                try await eventually { node.advertiser.trouble?.contains("a call broke off") == true }
                try await eventually { try await found(RoutingKey(digest), by: other) }
                #expect(node.advertiser.trouble == nil)
                group.cancelAll()
            }
        }
    }
}
