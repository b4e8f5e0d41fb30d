import Foundation
import FoundationNetworking
import Glibc
import LibP2P
import PeerGrants
import Testing

@testable import Commands

@Suite struct GrantConfigurationTests {
    private static let key = String(repeating: "A", count: 43) + "="

    @Test(arguments: [
        ("node: { grants: {} }", "'node.grants' needs 'node.central'"),
        ("node: { central: 'http://weir:5000', grants: {} }", "anybody could answer in its place"),
        ("node: { central: 'http://weir:5000', grants: { keys: [\(key)], token: x } }", "without TLS"),
        ("grants: { nodes: { a: { repositories: ['*'] } } }", "'a' fits no node"),
        ("grants: { private: ['team/**'] }", "names no repositories"),
        ("grants: { lifetime: 2d }", "from 1m to 1d"),
        ("grants: { nodes: { a: { peers: [me] } } }", "is no peer ID"),
        ("node: { central: 'https://weir:5000', grants: { keys: [abc] } }", "is no Ed25519 key"),
    ])
    func `what cannot work is refused, and said why`(_ yaml: String, _ words: String) throws {
        let problems = try Folder().problems(yaml)
        #expect(problems.contains { $0.contains(words) }, "\(problems)")
    }

    @Test
    func `without the key nobody is granted anything, and no node asks`() throws {
        let service = try Folder().load("listen: 127.0.0.1:0").service
        #expect(service.grants == nil)
        #expect(service.node.grants == nil)
    }

    @Test
    func `the rules are those of the file`() throws {
        let service = try Folder().load(
            """
            storage: { directory: /srv/weir }
            grants:
              lifetime: 5m
              private: [ghcr.io/team/*]
              nodes:
                workers: { token: secret, repositories: [ghcr.io/team/app] }
            """
        ).service
        let grants = try #require(service.grants)
        #expect(grants.keyFiles == ["/srv/weir/grants.key"])
        #expect(grants.rules.lifetime == 300)
        #expect(grants.rules.privateScopes.map(\.description) == ["ghcr.io/team/*"])
        #expect(grants.rules.nodes.map(\.token) == ["secret"])
    }

    @Test
    func `a central Weir makes its key, shows it, and answers no one without proof`() async throws {
        let service = try RunningWeir(serving: try Folder(), yaml: "grants: { private: ['ghcr.io/team/*'] }")
        let line = try await service.ready()
        let address = try #require(line.split(separator: " ").first { $0.hasPrefix("http://127.0.0.1:") })
        let url = try #require(URL(string: "\(address)/weir/grants"))
        let response = try await URLSession.shared.data(from: url).1 as? HTTPURLResponse
        #expect(response?.statusCode == 401)
        #expect(service.errors.contains("grants are signed"))
        let attributes = try FileManager.default.attributesOfItem(atPath: "\(service.folder.path)/store/grants.key")
        #expect((attributes[.posixPermissions] as? NSNumber)?.intValue == 0o600)
        service.signal(SIGTERM)
        #expect(await service.end() == 0)
    }

    /// As `docs/operations/node.md` promises: who may have what changes without a restart.
    @Test(.timeLimit(.minutes(1)))
    func `a reload changes whom the central Weir grants something`() async throws {
        let folder = try Folder()
        let node = try Identity()
        let grants = { (entry: String) in "grants: { private: ['*'], nodes: { \(entry) } }\n" }
        let service = try RunningWeir(serving: folder, yaml: grants(""))
        let line = try await service.ready()
        let address = try #require(line.split(separator: " ").first { $0.hasPrefix("http://127.0.0.1:") })
        let url = try #require(URL(string: "\(address)/weir/grants"))
        let ask = { () async throws -> Int? in
            var request = URLRequest(url: url)
            let own = PeerGrants(identity: node, configuration: PeerGrants.Configuration())
            request.setValue(try own.proofForCentral(), forHTTPHeaderField: PeerCredential.proofField)
            return (try await URLSession.shared.data(for: request).1 as? HTTPURLResponse)?.statusCode
        }
        #expect(try await ask() == 403)
        for (entry, status) in [("n: { peers: [\(node.peerID)] }", 200), ("", 403)] {
            try folder.write("listen: 127.0.0.1:0\nstorage: { directory: store }\n" + grants(entry))
            let reloaded = try await ProgramTests.run(
                ["reload", "--config", "weir.yaml"], environment: [:], directory: folder.path)
            #expect(reloaded.output == "reloaded\n", "\(reloaded.errors)")
            #expect(try await ask() == status)
        }
        service.signal(SIGTERM)
        #expect(await service.end() == 0)
    }
}
