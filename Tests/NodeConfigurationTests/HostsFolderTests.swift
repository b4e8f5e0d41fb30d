import Foundation
import NodeConfiguration
import OCI
import Testing

struct HostsFolderTests {
    /// A folder of its own for each test, removed at its end.
    private func with(_ files: [String: String] = [:], _ body: (String) throws -> Void) throws {
        let path = NSTemporaryDirectory() + "/hosts-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: path) }
        for (name, text) in files {
            let url = URL(filePath: "\(path)/\(name)")
            try FileManager.default.createDirectory(
                at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data(text.utf8).write(to: url)
        }
        try body(path)
    }

    private func contents(_ path: String) throws -> [String: String] {
        var all: [String: String] = [:]
        for case let name as String in try #require(FileManager.default.enumerator(atPath: path)) {
            guard let data = FileManager.default.contents(atPath: "\(path)/\(name)") else { continue }
            all[name] = String(decoding: data, as: UTF8.self)
        }
        return all
    }

    private let before = [
        "docker.io/hosts.toml": """
        server = "https://old.example" # kept nowhere

        [host."https://mirror.example"] # first
          capabilities = ["pull"]
          ca = "ca.pem"
        [host."https://mirror.example".header]
          x = ["1"]

        [host."https://a.example"]
        """,
        "docker.io/ca.pem": "certificate", "other.example:5000/hosts.toml": "server = \"https://x\"\n",
    ]
    private let hub = HostsFile(scope: .registry(.dockerHub), mirrors: ["http://10.0.0.1:5000"])

    @Test func `what was written is put back exactly, and writing again changes nothing`() throws {
        try with(before) { path in
            let folder = HostsFolder(path: path)
            let files = [hub, HostsFile(scope: .all, mirrors: ["http://10.0.0.1:5000"], resolvesTags: false)]
            #expect(try folder.apply(files, existing: .setAside).count == 2)
            #expect(try folder.apply(files, existing: .setAside) == [])
            let now = try contents(path)
            #expect(now["other.example:5000/hosts.toml"] == nil)
            #expect(now["docker.io/hosts.toml"]?.contains("mirror.example") == false)
            #expect(now["_default/hosts.toml"]?.contains("server =") == false)
            #expect(now["_default/hosts.toml"]?.contains("resolve\"") == false)
            try folder.restore()
            #expect(try contents(path) == before)
            try folder.restore()
            #expect(try contents(path) == before)
        }
    }

    @Test func `hosts that were there come after ours, in their order and words, with their certificates`() throws {
        try with(before) { path in
            try HostsFolder(path: path).apply([hub], existing: .appended)
            let text = try #require(try contents(path)["docker.io/hosts.toml"])
            let hosts = TableText.tables(of: text).filter(\.isHost).map(\.name)
            #expect(
                hosts == [
                    #"host."http://10.0.0.1:5000""#, #"host."https://mirror.example""#,
                    #"host."https://mirror.example".header"#, #"host."https://a.example""#,
                ])
            #expect(text.contains(#"[host."https://mirror.example"] # first"#))
            #expect(!text.contains("old.example"))
            #expect(text.contains(#"server = "https://registry-1.docker.io""#))
            #expect(try contents(path)["docker.io/ca.pem"] == "certificate")
        }
    }

    @Test func `a stop in the middle of moving things aside or back loses nothing`() throws {
        try with(["_backup.new/docker.io/hosts.toml": "a", "ghcr.io/hosts.toml": "b"]) { path in
            let folder = HostsFolder(path: path)
            try folder.apply([hub], existing: .setAside)
            try folder.restore()
            #expect(try contents(path) == ["docker.io/hosts.toml": "a", "ghcr.io/hosts.toml": "b"])
        }
        try with(["_backup.restoring/docker.io/hosts.toml": "a", "ghcr.io/hosts.toml": "b"]) { path in
            #expect(HostsFolder(path: path).isApplied)
            try HostsFolder(path: path).restore()
            #expect(try contents(path) == ["docker.io/hosts.toml": "a", "ghcr.io/hosts.toml": "b"])
        }
    }

    @Test func `what somebody adds meanwhile is theirs`() throws {
        try with(before) { path in
            let folder = HostsFolder(path: path)
            try folder.apply([hub], existing: .setAside)
            try FileManager.default.createDirectory(atPath: "\(path)/quay.io", withIntermediateDirectories: true)
            try Data("theirs".utf8).write(to: URL(filePath: "\(path)/quay.io/hosts.toml"))
            try folder.apply([hub], existing: .setAside)
            try folder.restore()
            var expected = before
            expected["quay.io/hosts.toml"] = "theirs"
            #expect(try contents(path) == expected)
        }
    }

    @Test(arguments: [
        ("a = 1\n", [""]), ("[a]\nb = 1", ["", "a"]), ("[host.\"http://[::1]:5\"]\n", ["", "host.\"http://[::1]:5\""]),
        ("a = \"\"\"\n[not]\n\"\"\"\n[b]\n", ["", "b"]), ("a = '''\n[not]\n'''\n[[b]]\n", ["", "b"]),
        ("# [not]\n  [ c . d ] # x\n", ["", "c . d"]), ("a = \"x\\\"'''\"\n[b]", ["", "b"]), ("", [""]),
    ])
    func `tables are found by their headers, and their text is kept`(_ text: String, _ names: [String]) {
        let tables = TableText.tables(of: text)
        #expect(tables.map(\.name) == names)
        let joined = tables.map(\.text).joined()
        #expect(joined == text)
    }

    @Test(
        arguments: [
            (nil, ["config_path is not set, so that hosts files are not read"]),
            (
                "version = 2\n[plugins.\"io.containerd.grpc.v1.cri\".registry]\nconfig_path = \"/x:/etc/containerd/certs.d/\"",
                []
            ),
            (
                "version = 3\n[plugins.\"io.containerd.cri.v1.images\".registry]\nconfig_path = \"/etc/other\"",
                ["config_path does not name /etc/containerd/certs.d"]
            ),
            (
                """
                version = 2
                [plugins."io.containerd.grpc.v1.cri".containerd]
                discard_unpacked_layers = true
                [plugins."io.containerd.grpc.v1.cri".registry]
                config_path = "/etc/containerd/certs.d"
                """, ["discard_unpacked_layers is true: layers are gone once they are unpacked"]
            ),
        ] as [(String?, [String])])
    func `containerd's configuration is checked`(_ text: String?, _ problems: [String]) throws {
        let found = try ContainerdCheck.findings(
            text, path: "/etc/containerd/config.toml", hostsFolder: "/etc/containerd/certs.d")
        #expect(found.map(\.problem) == problems)
    }

    @Test func `what is no TOML is told`() {
        #expect(throws: NodeConfigurationError.self) {
            try ContainerdCheck.findings("a = [", path: "x", hostsFolder: "/y")
        }
    }

    @Test func `K3s's file is written where it is ours or missing`() throws {
        try with { path in
            let file = K3sRegistries(registries: [], endpoints: ["https://127.0.0.1:6443/v2"])
            #expect(try file.write(to: "\(path)/registries.yaml", existing: nil))
            let text = try #require(try contents(path)["registries.yaml"])
            #expect(text.contains("  \"*\":\n    endpoint:\n      - \"https://127.0.0.1:6443/v2\"\n"))
            #expect(try !file.write(to: "\(path)/registries.yaml", existing: "mirrors: {}\n"))
            #expect(try contents(path)["registries.yaml"] == text)
        }
    }
}
