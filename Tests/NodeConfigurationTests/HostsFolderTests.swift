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
        server = "https://old.example" # kept with the rest

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
            #expect(try folder.apply(files, existing: .setAside).written.count == 2)
            #expect(try folder.apply(files, existing: .setAside) == HostsFolder.Changes())
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
            #expect(text.contains(#"server = "https://old.example" # kept with the rest"#))
            #expect(!text.contains("registry-1.docker.io"))
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

    @Test func `a restore puts back what a broken-off apply had only begun to set aside`() throws {
        try with(["_backup.new/docker.io/hosts.toml": "a", "ghcr.io/hosts.toml": "b"]) { path in
            #expect(HostsFolder(path: path).isApplied)
            try HostsFolder(path: path).restore()
            #expect(try contents(path) == ["docker.io/hosts.toml": "a", "ghcr.io/hosts.toml": "b"])
            #expect(!HostsFolder(path: path).isApplied)
        }
    }

    @Test func `what a stop left half written is ours, and goes`() throws {
        let left = [
            "_backup/docker.io/hosts.toml": "a = 1", "_backup/docker.io/ca.pem": "c", "docker.io/ca.pem": "c",
            "docker.io/hosts.toml.17.new": "half", "ghcr.io/hosts.toml.17.new": "",
        ]
        for keeps in [true, false] {
            try with(left) { path in
                let folder = HostsFolder(path: path)
                if keeps {
                    try folder.apply([hub], existing: .appended)
                    #expect(
                        try contents(path).keys.sorted() == [
                            "_backup/docker.io/ca.pem", "_backup/docker.io/hosts.toml", "docker.io/ca.pem",
                            "docker.io/hosts.toml",
                        ])
                }
                try folder.restore()
                #expect(try contents(path) == ["docker.io/hosts.toml": "a = 1", "docker.io/ca.pem": "c"])
            }
        }
    }

    @Test func `a file that is no text is put back byte for byte`() throws {
        try with(["docker.io/ca.der": "x"]) { path in
            let bytes = Data([0xFF, 0xFE, 0, 0x80])
            for name in ["docker.io/ca.der", "docker.io/hosts.toml"] {
                try bytes.write(to: URL(filePath: "\(path)/\(name)"))
            }
            let folder = HostsFolder(path: path)
            try folder.apply([hub], existing: .setAside)
            try folder.apply([hub], existing: .setAside)
            try folder.restore()
            for name in ["docker.io/ca.der", "docker.io/hosts.toml"] {
                #expect(FileManager.default.contents(atPath: "\(path)/\(name)") == bytes)
            }
        }
    }

    @Test func `what somebody writes over ours takes the place of what was there, which stays beside`() throws {
        try with(before) { path in
            let folder = HostsFolder(path: path)
            try folder.apply([hub], existing: .setAside)
            let file = URL(filePath: "\(path)/docker.io/hosts.toml")
            for text in ["theirs", "theirs again", "theirs again"] {
                try Data(text.utf8).write(to: file)
                let changes = try folder.apply([hub], existing: .setAside)
                #expect(changes.written == ["\(path)/docker.io/hosts.toml"])
            }
            #expect(try folder.apply([hub], existing: .setAside) == HostsFolder.Changes())
            try folder.restore()
            let now = try contents(path)
            #expect(now["docker.io/hosts.toml"] == "theirs again")
            #expect(now["docker.io.replaced/hosts.toml"] == "theirs")
            #expect(now["other.example:5000/hosts.toml"] == before["other.example:5000/hosts.toml"])
        }
    }

    @Test func `what cannot all be set aside stays as it was`() throws {
        // As with a mount point, or somebody else's folder: a rename fails, here since its target is not empty.
        try with(before) { path in
            let folder = HostsFolder(path: path)
            try FileManager.default.createDirectory(
                atPath: "\(path)/_backup.new/other.example:5000", withIntermediateDirectories: true)
            try Data("x".utf8).write(to: URL(filePath: "\(path)/_backup.new/other.example:5000/x"))
            #expect(throws: NodeConfigurationError.self) { try folder.apply([hub], existing: .setAside) }
            let now = try contents(path)
            for (name, text) in before { #expect(now[name] == text) }
        }
    }

    @Test func `a certificate that is no text comes along with hosts that are kept`() throws {
        try with(["docker.io/hosts.toml": "[host.\"https://a\"]\nca = \"ca.der\"\n"]) { path in
            let bytes = Data([0xFF, 0xFE, 0, 0x80])
            try bytes.write(to: URL(filePath: "\(path)/docker.io/ca.der"))
            let folder = HostsFolder(path: path)
            try folder.apply([hub], existing: .appended)
            #expect(FileManager.default.contents(atPath: "\(path)/docker.io/ca.der") == bytes)
            #expect(try folder.apply([hub], existing: .appended) == HostsFolder.Changes())
        }
    }

    @Test func `hosts that cannot be kept stay in effect`() throws {
        try with { path in
            try FileManager.default.createDirectory(atPath: "\(path)/docker.io", withIntermediateDirectories: true)
            try Data([0xFF]).write(to: URL(filePath: "\(path)/docker.io/hosts.toml"))
            #expect(throws: NodeConfigurationError.self) {
                try HostsFolder(path: path).apply([hub], existing: .appended)
            }
            #expect(FileManager.default.contents(atPath: "\(path)/docker.io/hosts.toml") == Data([0xFF]))
            #expect(!HostsFolder(path: path).isApplied)
        }
    }

    @Test func `a folder that was not there is told to have been made, once`() throws {
        try with { path in
            let folder = HostsFolder(path: "\(path)/certs.d")
            for isFirst in [true, false] {
                let changes = try folder.apply([hub], existing: .setAside)
                #expect(changes.isMade == isFirst)
            }
        }
    }

    @Test func `two processes do not change a folder at once`() throws {
        try with(before) { path in
            let descriptor = open(path, O_RDONLY)
            #expect(flock(descriptor, LOCK_EX | LOCK_NB) == 0)
            #expect(throws: NodeConfigurationError.busy(path: path)) {
                try HostsFolder(path: path).apply([hub], existing: .setAside)
            }
            close(descriptor)
            try HostsFolder(path: path).apply([hub], existing: .setAside)
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
            (
                nil,
                ["there is no /etc/containerd/config.toml, so that config_path is not set and hosts files are not read"]
            ),
            ("version = 2\n", ["config_path is not set, so that hosts files are not read"]),
            (
                "version = 2\n[plugins.\"io.containerd.grpc.v1.cri\".registry]\nconfig_path = \"/etc//containerd/certs.d/\"",
                []
            ),
            (
                "version = 3\n[plugins.\"io.containerd.cri.v1.images\".registry]\nconfig_path = \"/etc/other\"",
                ["config_path does not name /etc/containerd/certs.d"]
            ),
            (
                """
                version = 3
                [plugins."io.containerd.cri.v1.images".registry]
                config_path = "/etc/containerd/certs.d:/etc/docker/certs.d"
                """, ["config_path names several folders, and containerd 2.1 and 2.2 read hosts files of none then"]
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
            text.map { [.init(path: "/etc/containerd/config.toml", text: $0)] } ?? [],
            path: "/etc/containerd/config.toml", hostsFolder: "/etc/containerd/certs.d")
        #expect(found.map(\.problem) == problems)
        for lines in found.map(\.lines) where !lines.isEmpty {
            // What is advised, written over what there is, mends it.
            let advised = ContainerdCheck.File(
                path: "/x", text: "\(lines.count > 2 ? "" : version(text))\(lines.joined(separator: "\n"))")
            #expect(
                try ContainerdCheck.findings([advised], path: "/x", hostsFolder: "/etc/containerd/certs.d").isEmpty)
        }
    }

    private func version(_ text: String?) -> String {
        text?.contains("version = 3") == true ? "version = 3\n" : "version = 2\n"
    }

    @Test func `what an imported file says counts`() throws {
        let main = ContainerdCheck.File(
            path: "/etc/containerd/config.toml", text: "version = 2\nimports = [\"conf.d/*.toml\", \"/srv/x.toml\"]")
        #expect(main.imports == ["/etc/containerd/conf.d/*.toml", "/srv/x.toml"])
        let other = ContainerdCheck.File(
            path: "/srv/x.toml",
            text: "version = 2\n[plugins.\"io.containerd.grpc.v1.cri\".registry]\nconfig_path = \"/c\"")
        func problems(_ files: [ContainerdCheck.File]) throws -> Int {
            try ContainerdCheck.findings(files, path: main.path, hostsFolder: "/c").count
        }
        #expect(try problems([main]) == 1)
        #expect(try problems([main, other]) == 0)
    }

    @Test func `what is no TOML is told`() {
        #expect(throws: NodeConfigurationError.self) {
            try ContainerdCheck.findings([.init(path: "x", text: "a = [")], path: "x", hostsFolder: "/y")
        }
    }
}
