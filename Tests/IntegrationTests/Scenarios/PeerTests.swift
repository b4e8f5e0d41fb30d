import Glibc
import KademliaRouting
import LibP2P
import Logging
import OCI
import PeerRouting
import Synchronization
import Testing

extension RealPrograms {
    /// Peers of other hands. No program of ours takes part in their network yet, so its modules do.
    @Suite(.serialized)
    struct PeerTests {
        private static let ours = "docker.io/library/nginx:1.27.4"
        private static let theirs = "docker.io/library/alpine:3.22"

        @Test(
            .enabled(
                if: access(PythonPeer.interpreter, X_OK) == 0 || getenv("CI") != nil,
                "needs py-libp2p: scripts/install-python-peer"),
            .timeLimit(.minutes(2)), arguments: ["ed25519", "p256"], [false, true])
        func `py-libp2p finds what we provide, and we what it provides`(
            kind: String, isPrivate: Bool
        ) async throws {
            let secret = String(repeating: "5a", count: 32)
            let scratch = try ScratchDirectory()
            var configuration = HostConfiguration()
            configuration.listen = [try Multiaddr("/ip4/127.0.0.1/tcp/0")]
            configuration.advertisesLoopback = true
            if isPrivate { configuration.privateNetwork = try PrivateNetworkKey(hexadecimal: secret) }
            let logger = Logger(label: "peer") { _ in SwiftLogNoOpLogHandler() }
            let host = Host(identity: try Identity(), configuration: configuration, logger: logger)
            let router = KademliaRouter(network: HostNetwork(host), bootstrap: [], logger: logger)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await host.run() }
                group.addTask { await router.run() }
                defer { group.cancelAll() }
                let address = try #require(try await host.boundAddresses().first).with(host.peerID)
                router.advertise([try Self.key(Self.ours)])

                let output = "\(scratch.path)/output"
                try writeText(PythonPeer.script, to: "\(scratch.path)/peer.py")
                let process = try ManagedProcess(
                    [
                        PythonPeer.interpreter, "\(scratch.path)/peer.py", "\(address)",
                        Self.multihash(Self.theirs), Self.multihash(Self.ours), kind,
                    ] + (isPrivate ? [secret] : []),
                    environment: ["HOME": scratch.path, "PATH": "/usr/bin:/bin"], outputPath: output,
                    errorsPath: "\(scratch.path)/errors")
                defer { process.killNow() }
                try await eventually("py-libp2p is done", within: .seconds(60)) {
                    guard process.ending == nil else {
                        Issue.record("py-libp2p ended: \(try readText("\(scratch.path)/errors").suffix(2000))")
                        return true
                    }
                    return try readText(output).contains("done")
                }
                let lines = try readText(output).split(separator: "\n").map { $0.split(separator: " ") }
                func words(_ first: String) -> [Substring] { lines.first { $0.first == first[...] } ?? [] }
                let id = try #require(words("ready").dropFirst().first)
                #expect(id.hasPrefix(kind == "p256" ? "Qm" : "12D3Koo"))
                #expect(words("protocols").contains("/spegel/kad/1.0.0"))
                #expect(words("ping").count == 4)
                #expect(words("found").dropFirst().first == "\(host.peerID)"[...])

                let found = try await eventually("we find what py-libp2p provides") { () -> ContentPeer? in
                    let found = Mutex<ContentPeer?>(nil)
                    try? await router.lookUp(try Self.key(Self.theirs), limit: 1) { peer in
                        found.withLock { $0 = peer }
                    }
                    return found.withLock { $0 }
                }
                #expect(found.identifier == id)
                #expect(found.addresses == ["127.0.0.1"])
                #expect(router.status.peers.map(\.peer.description) == [String(id)])
                #expect(router.isReady)
            }
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
