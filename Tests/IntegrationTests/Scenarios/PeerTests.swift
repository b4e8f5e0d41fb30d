import Glibc
import KademliaRouting
import LibP2P
import Logging
import OCI
import PeerRouting
import Synchronization
import Testing

extension RealPrograms {
    /// Peers of other hands, met by the part of ours that speaks to peers.
    @Suite(.serialized)
    struct PeerTests {
        private static let ours = "docker.io/library/nginx:1.27.4"
        private static let theirs = "docker.io/library/alpine:3.22"
        private static let others = "docker.io/library/busybox:1.37"
        private static let secret = String(repeating: "5a", count: 32)

        @Test(
            .enabled(
                if: ForeignPeer.python.isInstalled || getenv("CI") != nil, "needs py-libp2p: scripts/install-peers"),
            .timeLimit(.minutes(2)), arguments: ["ed25519", "p256"], [false, true])
        func `py-libp2p finds what we provide, and we what it provides`(
            kind: String, isPrivate: Bool
        ) async throws {
            try await Self.with(isPrivate: isPrivate) { host, router in
                let address = try #require(try await host.boundAddresses().first).with(host.peerID)
                let peer = try ForeignPeer.python.start(
                    ["\(address)", Self.multihash(Self.theirs), Self.multihash(Self.ours), kind]
                        + (isPrivate ? [Self.secret] : []))
                defer { peer.end() }
                _ = try await peer.line("done")
                let id = try await peer.line("ready")[1]
                #expect(id.hasPrefix(kind == "p256" ? "Qm" : "12D3Koo"))
                #expect(try await peer.line("protocols").contains("/spegel/kad/1.0.0"))
                #expect(try await peer.line("ping").count == 4)
                #expect(try await peer.line("found")[1] == "\(host.peerID)"[...])
                try await Self.expect(router, toFind: Self.theirs, at: id)
                #expect(router.status.peers.map(\.peer.description) == [String(id)])
                #expect(router.isReady)
            }
        }

        /// Three peers in a row: the last two of Go know each other, and we know the first of them. What the last one
        /// provides and finds has to come by way of the other, which does so only for peers that it keeps in its table.
        @Test(
            .enabled(
                if: ForeignPeer.go.isInstalled || getenv("CI") != nil,
                "needs go-libp2p for Python 3.11: scripts/install-peers"),
            .timeLimit(.minutes(2)), arguments: ["ed25519", "p256"], [false, true])
        func `go-libp2p keeps us in its table, finds what we provide, and we what it provides`(
            kind: String, isPrivate: Bool
        ) async throws {
            let secret = isPrivate ? Self.secret : ""
            // Either side has to do as the one that is dialled.
            let isDialled = kind == "ed25519"
            let first =
                isDialled
                ? nil
                : try ForeignPeer.go.start(
                    [Self.multihash(Self.theirs), Self.multihash(Self.ours), kind, secret])
            defer { first?.end() }
            var bootstrap: [Multiaddr] = []
            if let first { bootstrap.append(try Self.address(try await first.line("ready"))) }
            try await Self.with(isPrivate: isPrivate, bootstrap: bootstrap) { host, router in
                let address = try #require(try await host.boundAddresses().first).with(host.peerID)
                let near =
                    try first
                    ?? ForeignPeer.go.start(
                        [Self.multihash(Self.theirs), Self.multihash(Self.ours), kind, secret, "\(address)"])
                defer { near.end() }
                let ready = try await near.line("ready")
                #expect(ready[1].hasPrefix(kind == "p256" ? "Qm" : "12D3Koo"))
                let found = try await near.line("found")
                #expect(found[1...] == ["\(host.peerID)", "\(try #require(address.withoutPeer))"])
                if isDialled { #expect(try await near.line("ping").count == 2) }
                try await Self.expect(router, toFind: Self.theirs, at: ready[1])

                let far = try ForeignPeer.go.start(
                    [
                        Self.multihash(Self.others), Self.multihash(Self.ours), kind, secret,
                        "\(try Self.address(ready))",
                    ])
                defer { far.end() }
                let id = try await far.line("ready")[1]
                #expect(try await far.line("found")[1] == "\(host.peerID)"[...])
                try await Self.expect(router, toFind: Self.others, at: id)
                // Nobody but Go's own table has told it of us.
                try await eventually("the far peer has told us what it has") {
                    router.status.providerCount == 2
                }
                try await eventually("both are in our table") { router.status.peers.count == 2 }
                #expect(router.isReady)
            }
        }

        /// A later go-libp2p, whose hash table asks a peer before it keeps it.
        @Test(
            .enabled(if: ForeignPeer.goDaemon.isInstalled || getenv("CI") != nil, "needs p2pd: scripts/install-peers"),
            .timeLimit(.minutes(2)))
        func `go-libp2p's daemons find what we provide by way of each other, and we what they provide`() async throws {
            try await Self.with(isPrivate: false, protocolID: "/ipfs/kad/1.0.0") { host, router in
                let address = try #require(try await host.boundAddresses().first).with(host.peerID)
                let near = try ForeignPeer.goDaemon.start(
                    [Self.multihash(Self.theirs), Self.multihash(Self.ours), "\(address)"])
                defer { near.end() }
                let ready = try await near.line("ready")
                let found = try await near.line("found")
                #expect(found[1...] == ["\(host.peerID)", "\(try #require(address.withoutPeer))"])
                #expect(try await near.line("peers")[1...] == ["\(host.peerID)"])
                try await Self.expect(router, toFind: Self.theirs, at: ready[1])
                let far = try ForeignPeer.goDaemon.start(
                    [Self.multihash(Self.others), Self.multihash(Self.ours), "\(try Self.address(ready))"])
                defer { far.end() }
                let id = try await far.line("ready")[1]
                #expect(try await far.line("found")[1] == "\(host.peerID)"[...])
                try await Self.expect(router, toFind: Self.others, at: id)
                try await eventually("the far peer has told us what it has") { router.status.providerCount == 2 }
                #expect(host.connections.count == 2)
            }
        }

        private static func with(
            isPrivate: Bool, bootstrap: [Multiaddr] = [], protocolID: String = KademliaMessage.protocolID,
            _ body: (Host, KademliaRouter) async throws -> Void
        ) async throws {
            var configuration = HostConfiguration()
            configuration.listen = [try Multiaddr("/ip4/127.0.0.1/tcp/0")]
            configuration.advertisesLoopback = true
            if isPrivate { configuration.privateNetwork = try PrivateNetworkKey(hexadecimal: secret) }
            let logger = Logger(label: "peer") { _ in SwiftLogNoOpLogHandler() }
            let host = Host(identity: try Identity(), configuration: configuration, logger: logger)
            let router = KademliaRouter(
                network: HostNetwork(host, protocolID: protocolID),
                bootstrap: bootstrap.isEmpty ? [] : [StaticBootstrap(bootstrap)],
                logger: logger)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await host.run() }
                group.addTask { await router.run() }
                defer { group.cancelAll() }
                router.advertise([try key(ours)])
                try await body(host, router)
            }
        }

        /// That we find who provides `text`, at the address that it listens on.
        private static func expect(_ router: KademliaRouter, toFind text: String, at id: Substring) async throws {
            let found = try await eventually("we find who provides \(text)") { () -> ContentPeer? in
                let found = Mutex<ContentPeer?>(nil)
                try? await router.lookUp(try key(text), limit: 1) { peer in found.withLock { $0 = peer } }
                return found.withLock { $0 }
            }
            #expect(found.identifier == id)
            #expect(found.addresses == ["127.0.0.1"])
        }

        /// Of a line `ready ID ADDRESS`.
        private static func address(_ ready: [Substring]) throws -> Multiaddr {
            try Multiaddr("\(try #require(ready.dropFirst(2).first))/p2p/\(ready[1])")
        }

        private static func key(_ text: String) throws -> RoutingKey {
            let image = try ImageReference(text)
            return RoutingKey(registry: image.registry, repository: image.repository, tag: image.tag ?? .latest)
        }

        private static func multihash(_ text: String) -> String {
            ContentKey(text: text).multihash.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        }
    }
}
