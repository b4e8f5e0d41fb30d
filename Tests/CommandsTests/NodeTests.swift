import ControlServer
import Foundation
import FoundationNetworking
import Glibc
import KademliaRouting
import KubernetesClient
import KubernetesTestKit
import LibP2P
import Listening
import Logging
import NIOCore
import NIOPosix
import OCI
import PeerRouting
import RegistryServer
import RegistryTestKit
import Testing

@testable import Commands

/// `weir node`, and `weir serve` among nodes, as processes of their own; the peers they meet live in this one.
@Suite(.timeLimit(.minutes(1))) struct NodeTests {
    private static let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    /// Runs `body` with a peer, and the address that it is met at.
    func withPeer(
        _ configure: (inout PeerNetworkConfiguration) throws -> Void = { _ in },
        _ body: (PeerNetwork, Multiaddr) async throws -> Void
    ) async throws {
        var configuration = PeerNetworkConfiguration()
        configuration.host.listen = [try Multiaddr("/ip4/127.0.0.1/tcp/0")]
        configuration.host.advertisesLoopback = true
        try configure(&configuration)
        let network = PeerNetwork(try Identity(), configuration, logger: Self.logger)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await network.run() }
            defer { group.cancelAll() }
            try await body(network, try #require(try await network.boundAddresses().first))
        }
    }

    func yaml(_ peers: String, node: String = "") -> String {
        """
        node:
          listen: 127.0.0.1:0
          containerd: { socket: nowhere.sock }
          directory: identity
          socket: node.sock
          pages: []
          \(node)
          peers:
            listen: [/ip4/127.0.0.1/tcp/0]
            # Nobody need dial it: the test's peer is dialled.
            advertise: [/ip4/127.0.0.1/tcp/1]
            \(peers)
        """
    }

    func status(
        _ folder: Folder, until isMet: (NodeStatusDocument) -> Bool
    ) async throws -> NodeStatusDocument {
        let client = ControlClient(socket: "\(folder.path)/node.sock")
        let start = ContinuousClock.now
        while true {
            let document = try? await client.request(.get, "/v1/node/status", as: NodeStatusDocument.self)
            if let document, isMet(document) { return document }
            try #require(ContinuousClock.now - start < .seconds(30), "\(String(describing: document))")
            try await Task.sleep(for: .milliseconds(10))
        }
    }

    /// Starts `weir node`, and waits until it knows `peer`.
    private func join(
        _ folder: Folder, _ yaml: String, _ flags: [String] = [], meets peer: PeerNetwork
    ) async throws -> NodeStatusDocument {
        try folder.write(yaml)
        let service = try RunningWeir(["node", "run", "--config", "weir.yaml"] + flags, in: folder)
        _ = try await service.ready()
        let status = try await status(folder) { status in
            status.peers.contains { $0.id == "\(peer.peerID)" && $0.isInTable }
        }
        #expect(await service.end() == 0, "\(service.errors)")
        return status
    }

    @Test func `peers are found by addresses and by flags, and the identity outlives the process`() async throws {
        try await withPeer { peer, address async throws in
            let folder = try Folder()
            let first = try await join(folder, yaml("bootstrap: [\(address)]"), meets: peer)
            let second = try await join(folder, yaml(""), ["--bootstrap", "\(address)"], meets: peer)
            #expect(first.identity == second.identity && first.identity.hasPrefix("12D3Koo"))
            #expect(!first.isContentFollowed && first.contentKeeper == "containerd" && !first.isPrivateNetwork)
            let known = try #require(first.peers.first)
            #expect(known.connection == "outbound" && known.answerMilliseconds != nil)
            let text = NodeText.status(first)
            #expect(
                text.contains("is not followed; the keeper of the content does not answer: containerd: "), "\(text)")
            #expect(text.contains("there is no socket") && text.contains("peers are known"), "\(text)")
        }
    }

    @Test func `an identity that cannot be read is told, and nothing else happens`() async throws {
        let folder = try Folder()
        try FileManager.default.createDirectory(
            atPath: "\(folder.path)/identity", withIntermediateDirectories: true)
        try folder.write("no key", to: "identity/private.key")
        try folder.write(yaml(""))
        let outcome = try await ProgramTests.run(
            ["node", "run", "--config", "weir.yaml"], environment: [:], directory: folder.path)
        #expect(outcome.code == 1 && outcome.errors.contains("identity cannot be used"), "\(outcome.errors)")
        #expect(!outcome.errors.contains("Fatal error"), "\(outcome.errors)")
    }

    @Test func `a central cache that cannot be asked is said at the start, and why`() async throws {
        let closed = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .bind(host: "127.0.0.1", port: 0).get()
        let port = try #require(closed.localAddress?.port)
        try await closed.close()
        let folder = try Folder()
        try folder.write(yaml("", node: "central: http://127.0.0.1:\(port)"))
        let service = try RunningWeir(["node", "run", "--config", "weir.yaml"], in: folder)
        try await service.logged("the central cache cannot be asked")
        let status = try await status(folder) { $0.centralTrouble != nil }
        #expect(status.centralTrouble?.contains("Connection refused") == true, "\(status)")
        #expect(NodeText.status(status).contains("cannot be asked: no answer: "))
        #expect(await service.end() == 0, "\(service.errors)")
    }

    @Test func `two nodes never have one name`() async throws {
        let folder = try Folder()
        try folder.write(yaml(""))
        let first = try RunningWeir(["node", "run", "--config", "weir.yaml"], in: folder)
        _ = try await first.ready()
        let second = try await ProgramTests.run(
            ["node", "run", "--config", "weir.yaml", "--socket", "other.sock"], directory: folder.path)
        #expect(second.code == 1 && second.errors.contains("another process is the node of"), "\(second.errors)")
        #expect(await first.end() == 0, "\(first.errors)")
        let third = try RunningWeir(["node", "run", "--config", "weir.yaml"], in: folder)
        _ = try await third.ready()
        #expect(await third.end() == 0)
    }

    @Test(arguments: ["peers", "socket"])
    func `a node that cannot take part is never ready, and says why and nothing else`(_ kind: String) async throws {
        let folder = try Folder()
        let taken = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .bind(host: "127.0.0.1", port: 0).get()
        let port = try #require(taken.localAddress?.port)
        var text = yaml("")
        if kind == "peers" {
            text = text.replacingOccurrences(
                of: "listen: [/ip4/127.0.0.1/tcp/0]", with: "listen: [/ip4/127.0.0.1/tcp/\(port)]")
        } else {
            try folder.write("in the way", to: "node.sock")
        }
        try folder.write(text)
        let outcome = try await ProgramTests.run(
            ["node", "run", "--config", "weir.yaml"], environment: [:], directory: folder.path)
        try await taken.close()
        #expect(outcome.code == 1)
        #expect(!outcome.output.contains("is ready"), "\(outcome.output)")
        let reason = kind == "peers" ? "another program has the port" : "is no socket"
        #expect(outcome.errors.contains(reason), "\(outcome.errors)")
        #expect(!outcome.errors.contains("ERROR"), "\(outcome.errors)")
    }

    @Test func `a server of K3s tells of peers to whoever has a certificate of its cluster`() async throws {
        let key = String(repeating: "5a", count: 40)
        let network = try PrivateNetworkKey(hexadecimal: key)
        try await withPeer({ $0.host.privateNetwork = network }) { peer, address async throws in
            let certificates = try TestCertificates()
            var configuration = RegistryServer.Configuration(listen: ["127.0.0.1:0"])
            configuration.tls = RegistryServer.TLS(
                certificateFile: certificates.serverCertificateFile, keyFile: certificates.serverKeyFile,
                clientAuthorityFile: certificates.authorityFile)
            let named = "\(address)/p2p/\(peer.peerID)"
            let server = RegistryServer(
                configuration: configuration, node: nil,
                pages: [
                    "/v1-k3s/p2p": { _ in
                        OperationalAnswer(contentType: "application/json", body: "[\"\(named)\"]")
                    }
                ], logger: Self.logger)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await server.run() }
                defer { group.cancelAll() }
                let address = try #require(try await server.boundAddresses().first)
                let tls = """
                    tls:
                        authority: \(certificates.authorityFile)
                        clientCertificate: \(certificates.clientCertificateFile)
                        clientKey: \(certificates.clientKeyFile)
                    """
                let status = try await join(
                    try Folder(),
                    yaml("k3s: { server: \"https://\(address)\" }\n    networkKey: \"\(key)\"", node: tls),
                    meets: peer)
                #expect(status.isPrivateNetwork)
                // Without a certificate nobody is told anything.
                var request = URLRequest(url: try #require(URL(string: "https://\(address)/v1-k3s/p2p")))
                request.timeoutInterval = 5
                await #expect(throws: (any Error).self) { _ = try await URLSession.shared.data(for: request) }
            }
        }
    }

    @Test func `peers are found by the annotations of a cluster's nodes`() async throws {
        try await withPeer { peer, address async throws in
            try await TestAPIServer.withRunning { server async throws in
                let annotations = K3sNames.rke2.annotations(
                    of: AddressInformation(peer: peer.peerID, addresses: [address]))
                server.put(
                    [
                        "metadata": [
                            "labels": [K3sNames.rke2.enabledLabel: "true"],
                            "annotations": .object(annotations.mapValues { .string($0) }),
                        ]
                    ], at: ObjectAddress(.nodes, name: "first"))
                let folder = try Folder()
                try folder.write(
                    """
                    clusters: [{ name: c, cluster: { server: "http://127.0.0.1:\(server.port)" } }]
                    contexts: [{ name: c, context: { cluster: c } }]
                    current-context: c
                    """, to: "kubeconfig")
                _ = try await join(
                    folder, yaml("k3s: { program: rke2, annotations: true, kubeconfig: kubeconfig }"), meets: peer)
            }
        }
    }

    @Test func `settings that ask nobody, or name no rule, are refused`() throws {
        let folder = try Folder()
        #expect(
            try folder.problems("node: { peers: { k3s: {} } }").joined().contains("'node.peers.k3s' asks nobody"))
        #expect(
            try folder.problems("node: { store: { enabled: true, sharedRules: [nope] } }").joined()
                .contains("there is no such rule"))
    }

    @Test func `the key of a private network may be in any of its files`() throws {
        let digits = String(repeating: "5a", count: 32)
        let key = try PrivateNetworkKey([UInt8](repeating: 0x5a, count: 32))
        for text in ["\(digits)0000\n", digits, "/key/swarm/psk/1.0.0/\n/base16/\n\(digits)\n"] {
            let folder = try Folder()
            try folder.write(text, to: "key")
            let loaded = try folder.load("node: { peers: { networkKey: '${file:key}' } }")
            #expect(loaded.service.node.networkKey == key)
        }
        for text in ["5a5a", "\(digits)0", "\(digits)zz", "/key/swarm/psk/1.0.0/\n/bin/\nx"] {
            let folder = try Folder()
            try folder.write(text, to: "key")
            let problems = try folder.problems("node: { peers: { networkKey: '${file:key}' } }")
            #expect(problems.count == 1 && problems.joined().contains("'networkKey' cannot be used"), "\(problems)")
        }
    }

    // MARK: weir serve among nodes

    private struct Answer {
        let status: Int
        let body: Data
        let digest: String?
    }

    /// Asks as a peer does, or as a client.
    private func ask(_ url: String, isPeer: Bool = true) async throws -> Answer {
        var request = URLRequest(url: try #require(URL(string: url)))
        if isPeer { request.setValue("true", forHTTPHeaderField: "X-Spegel-Mirrored") }
        let (body, response) = try await URLSession.shared.data(for: request)
        let head = try #require(response as? HTTPURLResponse)
        return Answer(
            status: head.statusCode, body: body, digest: head.value(forHTTPHeaderField: "Docker-Content-Digest"))
    }

    func withServing(
        store: String, rule: String = "", _ body: (TestRegistry, PeerNetwork, Folder, String) async throws -> Void
    ) async throws {
        try await withPeer { peer, address async throws in
            try await TestRegistry.withRunning { registry async throws in
                let folder = try Folder()
                let service = try RunningWeir(
                    serving: folder,
                    yaml: """
                        wellKnownRegistries: false
                        rules:
                          lab: { registry: "\(registry.url)", host: made-up.example, \(rule) }
                        \(yaml("bootstrap: [\(address)]", node: "store: { enabled: true, \(store) }"))
                        """)
                let url = try await service.url()
                _ = try await status(folder) { $0.isReady }
                try await body(registry, peer, folder, "\(url)/v2")
                #expect(await service.end() == 0, "\(service.errors)")
            }
        }
    }

    /// Pulls all of an image as a client.
    func pull(_ image: TestImage, _ url: String) async throws {
        let manifests = ["1"] + image.images.map { "\($0.manifest.digest)" }
        for path in manifests.map({ "manifests/\($0)" }) + image.blobs.map({ "blobs/\($0.digest)" }) {
            #expect(try await ask("\(url)/lab/a/b/\(path)", isPeer: false).status == 200, "\(path)")
        }
    }

    private func isFound(_ key: RoutingKey, by peer: PeerNetwork) async throws -> Bool {
        for try await _ in peer.peers(with: key, limit: 1, within: .seconds(2)) { return true }
        return false
    }

    @Test func `what is cached is told to peers and given to them, and nothing is fetched for them`() async throws {
        try await withServing(store: "") { registry, peer, folder, url async throws in
            let image = registry.addImage(repository: "a/b", tag: "1", layerSizes: [70_000])
            let other = registry.addImage(repository: "a/b", tag: "2", layerSizes: [100])
            try await pull(image, url)
            let tag = RoutingKey(
                registry: try RegistryHost("made-up.example"), repository: try RepositoryName("a/b"),
                tag: try Tag("1"))
            let layer = image.images[0].layers[0]
            // All of it is advertised a moment after the last of it came.
            _ = try await status(folder) { $0.advertisedKeys >= 1 + image.manifests.count + image.blobs.count }
            while try await !isFound(tag, by: peer) { try await Task.sleep(for: .milliseconds(20)) }
            while try await !isFound(RoutingKey(layer.digest), by: peer) {
                try await Task.sleep(for: .milliseconds(20))
            }
            let before = registry.requestCount()
            let byTag = try await ask("\(url)/a/b/manifests/1?ns=made-up.example")
            #expect(byTag.status == 200 && byTag.digest == "\(image.index.digest)")
            #expect(Array(byTag.body) == Array(image.index.bytes.readableBytesView))
            let blob = try await ask("\(url)/a/b/blobs/\(layer.digest)?ns=made-up.example")
            #expect(blob.status == 200 && Array(blob.body) == Array(layer.bytes.readableBytesView))
            for path in [
                "manifests/2", "manifests/\(other.index.digest)", "blobs/\(other.blobs[0].digest)", "tags/list",
            ] {
                #expect(try await ask("\(url)/a/b/\(path)?ns=made-up.example").status == 404, "\(path)")
            }
            #expect(registry.requestCount() == before)
            #expect(try await ask("\(url)/a/b/manifests/2?ns=made-up.example", isPeer: false).status == 200)
            let status = try await status(folder) { _ in true }
            #expect(status.contentKeeper == "store" && status.contentDirectory?.hasSuffix("/store") == true)
            #expect(status.advertisedTags["made-up.example"] ?? 0 >= 1)
        }
    }

    @Test func `a pull is measured, of what is here as well, and one that fails says what nobody gives`() async throws {
        try await withServing(store: "") { registry, _, folder, url async throws in
            let image = registry.addImage(repository: "a/b", tag: "1", layerSizes: [3_000_000])
            try await pull(image, url)
            _ = try await status(folder) { $0.advertisedKeys >= 1 + image.manifests.count + image.blobs.count }
            func measure(_ reference: String) async throws -> ProgramTests.Outcome {
                try await ProgramTests.run(
                    ["node", "measure", reference, "--socket", "node.sock", "--json"], directory: folder.path)
            }
            let outcome = try await measure("made-up.example/a/b:1")
            #expect(outcome.code == 0, "\(outcome.errors)")
            let document = try JSONDecoder().decode(NodeMeasureDocument.self, from: Data(outcome.output.utf8))
            #expect(document.parts.count == image.manifests.count + image.blobs.count)
            #expect(document.parts.allSatisfy { $0.from == "local" } && document.bytes > 3_000_000)
            let missing = try await measure("made-up.example/a/b:2")
            #expect(missing.code == 4, "\(missing.errors)")
            #expect(
                missing.errors.contains("a/b:2 cannot be pulled (2): no peer says that it has it"), "\(missing.errors)")
        }
    }

    @Test func `peers may have something fetched where that is said`() async throws {
        try await withServing(store: "fetches: true") { registry, _, _, url async throws in
            let image = registry.addImage(repository: "a/b", tag: "1", layerSizes: [100])
            let answer = try await ask("\(url)/a/b/manifests/1?ns=made-up.example")
            #expect(answer.status == 200 && answer.digest == "\(image.index.digest)")
            #expect(try await ask("\(url)/a/b/manifests/latest?ns=made-up.example").status == 404)
            #expect(try await ask("\(url)/a/b/manifests/1?ns=elsewhere.example").status == 404)
        }
    }

    @Test(arguments: [false, true])
    func `what an account was used for is private, unless somebody says otherwise`(isAllowed: Bool) async throws {
        try await withServing(
            store: isAllowed ? "sharedRules: [lab]" : "fetches: true", rule: "username: u, accessToken: t"
        ) { registry, _, folder, url async throws in
            let image = registry.addImage(repository: "a/b", tag: "1", layerSizes: [100])
            try await pull(image, url)
            if isAllowed { _ = try await status(folder) { $0.advertisedTags["made-up.example"] == 1 } }
            for path in ["manifests/1", "manifests/\(image.index.digest)"] {
                let status = try await ask("\(url)/a/b/\(path)?ns=made-up.example").status
                #expect(status == (isAllowed ? 200 : 404), "\(path)")
            }
            if !isAllowed { #expect(try await status(folder) { _ in true }.advertisedKeys == 0) }
        }
    }

    @Test func `a node shares a store that no service has, and says so where one has it`() async throws {
        let folder = try Folder()
        let store = "storage: { directory: store }\nwellKnownRegistries: false\n"
        let text = store + yaml("", node: "store: { enabled: true }")
        try await withPeer { peer, address async throws in
            let status = try await join(
                folder, store + yaml("bootstrap: [\(address)]", node: "store: { enabled: true }"), meets: peer)
            #expect(status.contentKeeper == "store")
        }
        let serving = try RunningWeir(serving: folder, yaml: "wellKnownRegistries: false")
        _ = try await serving.ready()
        try folder.write(text, to: "node.yaml")
        let second = try await ProgramTests.run(["node", "--config", "node.yaml"], directory: folder.path)
        #expect(second.code == 1 && second.errors.contains("a running service has the store"), "\(second.errors)")
        #expect(await serving.end() == 0)
    }

    @Test func `what a node has not, does not do or cannot understand is told in words`() async throws {
        let folder = try Folder()
        try folder.write(yaml(""))
        let service = try RunningWeir(["node", "run", "--config", "weir.yaml"], in: folder)
        _ = try await service.ready()
        let socket = ["--socket", "\(folder.path)/node.sock"]
        let table: [([String], Int32, String)] = [
            (["node", "find", "dockr.io/library/x:1"], 4, "neither a peer nor this node has dockr.io/library/x:1"),
            (["node", "find", "sha256:abc"], 2, "'sha256:abc' is no whole digest: 64 digits"),
            (["node", "find", ""], 2, "a reference is wanted"),
            (["status"], 4, "this is the socket of weir node; use 'weir node status'"),
            (["reload"], 4, "weir node takes new settings with a restart"),
        ]
        for (arguments, code, message) in table {
            let result = try await ProgramTests.run(arguments + socket, directory: folder.path)
            #expect(result.code == code && result.errors.contains(message), "\(arguments): \(result.errors)")
        }
        let status = try await ProgramTests.run(["node", "status"] + socket, directory: folder.path)
        #expect(status.output.contains("Bootstrap:        none is configured"), "\(status.output)")
        #expect(await service.end() == 0, "\(service.errors)")
        #expect(service.errors.contains("only nodes that name this one will be peers"), "\(service.errors)")
    }

    @Test func `an address that is taken is told with the setting that names it`() async throws {
        try await withPeer { _, address in
            let port = try #require(address.endpoint?.port)
            for (key, message) in [
                ("pages: 127.0.0.1:\(port)", "as 'node.pages'"),
                ("pages: []\n  socket: nowhere/node.sock", "as 'node.socket'"),
            ] {
                let folder = try Folder()
                try folder.write(
                    """
                    node:
                      listen: 127.0.0.1:0
                      containerd: { socket: nowhere.sock }
                      directory: identity
                      \(key)
                      peers: { listen: [/ip4/127.0.0.1/tcp/0] }
                    """)
                let node = try await ProgramTests.run(["node", "--config", "weir.yaml"], directory: folder.path)
                #expect(node.code == 1 && node.errors.contains(message), "\(node.errors)")
            }
            let folder = try Folder()
            try folder.write(
                "node:\n  listen: 127.0.0.1:0\n  directory: identity\n  socket: node.sock\n  pages: []\n"
                    + "  peers: { listen: [\(address)] }\n")
            let node = try await ProgramTests.run(["node", "--config", "weir.yaml"], directory: folder.path)
            #expect(node.code == 1 && node.errors.contains("change 'node.peers.listen'"), "\(node.errors)")
        }
    }
}
