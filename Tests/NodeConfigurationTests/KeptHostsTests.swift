import Foundation
import NodeConfiguration
import OCI
import TOMLKit
import Testing

/// Hosts that were there, kept beside ours.
struct KeptHostsTests {
    private func with(_ files: [String: String] = [:], _ body: (String) throws -> Void) throws {
        let path = NSTemporaryDirectory() + "/kept-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: path) }
        for (name, text) in files { try put(text, "\(path)/\(name)") }
        try body(path)
    }

    private func put(_ text: String, _ path: String) throws {
        let url = URL(filePath: path)
        try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(text.utf8).write(to: url)
    }

    private func text(_ path: String) -> String? {
        FileManager.default.contents(atPath: path).map { String(decoding: $0, as: UTF8.self) }
    }

    private func hosts(_ text: String?) throws -> [String] {
        let text = try #require(text)
        let table = try TOMLTable(string: text)
        var hosts: [String] = []
        for host in TableText.tables(of: text).compactMap(\.host) where hosts.last != host { hosts.append(host) }
        #expect(hosts.count == table["host"]?.table?.keys.count ?? 0, "\(text)")
        return hosts
    }

    private let mirror = "http://127.0.0.1:5000"
    private var all: HostsFile { HostsFile(scope: .all, mirrors: [mirror]) }
    private let local = """
        server = "http://registry.local:5000"
        skip_verify = true
        ca = "certs/ca.crt"

        [host."http://registry.local:5000"]
        client = [
          ["client.cert", "client.key"],
        ]
        """
    private var before: [String: String] {
        [
            "registry.local:5000/hosts.toml": local, "registry.local:5000/certs/ca.crt": "authority",
            "registry.local:5000/client.key": "secret",
            "_default/hosts.toml": "[host.\"https://harbor.local\"]\nca = \"ca.pem\"\n", "_default/ca.pem": "harbor",
        ]
    }

    @Test func `without a registry every folder that was there stays in effect, after ours`() throws {
        try with(before) { path in
            let folder = HostsFolder(path: path)
            try FileManager.default.setAttributes(
                [.posixPermissions: 0o600], ofItemAtPath: "\(path)/registry.local:5000/client.key")
            for isFirst in [true, false] {
                #expect(try folder.apply([all], existing: .appended).written.isEmpty == !isFirst)
                let written = try #require(text("\(path)/registry.local:5000/hosts.toml"))
                #expect(try hosts(written) == [mirror, "http://registry.local:5000"])
                let table = try TOMLTable(string: written)
                #expect(table["server"]?.string == "http://registry.local:5000")
                #expect(table["skip_verify"]?.bool == true)
                #expect(text("\(path)/registry.local:5000/certs/ca.crt") == "authority")
                let key = "\(path)/registry.local:5000/client.key"
                #expect(
                    try FileManager.default.attributesOfItem(atPath: key)[.posixPermissions] as? Int == 0o600)
                #expect(try hosts(text("\(path)/_default/hosts.toml")) == [mirror, "https://harbor.local"])
            }
            try folder.restore()
            for (name, content) in before { #expect(text("\(path)/\(name)") == content) }
        }
    }

    @Test func `registries that are named get ours, and the others are left as they were`() throws {
        try with(before) { path in
            let hub = HostsFile(scope: .registry(.dockerHub), mirrors: [mirror])
            let folder = HostsFolder(path: path)
            try folder.apply([hub], existing: .appended)
            #expect(try hosts(text("\(path)/_default/hosts.toml")) == ["https://harbor.local"])
            #expect(try hosts(text("\(path)/registry.local:5000/hosts.toml")) == ["http://registry.local:5000"])
            // What it had by '_default' it has no more once it has a folder of its own.
            #expect(try hosts(text("\(path)/docker.io/hosts.toml")) == [mirror, "https://harbor.local"])
            #expect(text("\(path)/docker.io/ca.pem") == "harbor")
            #expect(try folder.apply([hub], existing: .appended) == HostsFolder.Changes())
        }
    }

    @Test func `a registry's server that was there is kept, and so is a folder by its other name`() throws {
        try with(["registry.local_5000_/hosts.toml": local]) { path in
            let file = HostsFile(
                scope: .registry(try RegistryHost("registry.local:5000")), mirrors: [mirror])
            try HostsFolder(path: path).apply([file], existing: .appended)
            let written = try #require(text("\(path)/registry.local_5000_/hosts.toml"))
            #expect(try hosts(written) == [mirror, "http://registry.local:5000"])
            #expect(try TOMLTable(string: written)["server"]?.string == "http://registry.local:5000")
            #expect(text("\(path)/registry.local:5000/hosts.toml") == nil)
        }
    }

    @Test func `certificates in Docker's form, without a hosts file, stay in effect`() throws {
        let files = ["registry.local/ca.crt": "a", "registry.local/c.cert": "c", "registry.local/c.key": "k"]
        try with(files) { path in
            try HostsFolder(path: path).apply([all], existing: .appended)
            let table = try TOMLTable(string: try #require(text("\(path)/registry.local/hosts.toml")))
            #expect(table["ca"]?.array?.first?.string == "ca.crt")
            #expect(table["client"]?.array?.first?.array?.compactMap { $0.string } == ["c.cert", "c.key"])
            #expect(table["host"]?.table?.keys == [mirror])
            for (name, content) in files { #expect(text("\(path)/\(name)") == content) }
        }
    }

    @Test func `a folder that somebody adds later is kept at the next call`() throws {
        try with { path in
            let folder = HostsFolder(path: path)
            try folder.apply([all], existing: .appended)
            try put("[host.\"https://x\"]\n", "\(path)/quay.io/hosts.toml")
            try folder.apply([all], existing: .appended)
            #expect(try hosts(text("\(path)/quay.io/hosts.toml")) == [mirror, "https://x"])
            try folder.restore()
            #expect(text("\(path)/quay.io/hosts.toml") == "[host.\"https://x\"]\n")
        }
    }

    @Test(arguments: [
        "[host.\"http://127.0.0.1:5000\"]\nx = 1\n[host.\"http://127.0.0.1:5000\".header]\ny = \"1\"\n",
        "[host.'http://127.0.0.1:5000/']\n", "[ host . \"http://127.0.0.1:\\u0035000\" ]\n",
        "[\"host\".\"http://127.0.0.1:5000\"]\r\nx = 1\r\n",
    ])
    func `an address that is ours is written once`(_ theirs: String) throws {
        try with(["_default/hosts.toml": theirs + "[host.\"https://other\"]\n"]) { path in
            let twice = HostsFile(scope: .all, mirrors: [mirror, "http://b:1", mirror])
            try HostsFolder(path: path).apply([twice], existing: .appended)
            #expect(try hosts(text("\(path)/_default/hosts.toml")) == [mirror, "http://b:1", "https://other"])
        }
    }

    @Test(arguments: [
        "server = \"https://x\"\r\n\r\n[host.\"https://a\"]\r\n[host.\"https://b\"]\r\n",
        "[ host . \"https://a\" ]\n[\"host\".\"https://b\"]\n", "['host'.\"https://a\"]\n[\thost.'https://b'\t] # x\n",
        "[host.\"https://a\"]\nclient = [\n  [\"c\", \"k\"]\n]\n[host.\"https://b\"]\n",
        "[host.\"https://a\"]\n[host.\"https://a\".header]\nx = \"[host.c]\"\n[host.\"https://b\"]",
    ])
    func `hosts are kept however they are written`(_ theirs: String) throws {
        try with(["docker.io/hosts.toml": theirs]) { path in
            try HostsFolder(path: path).apply([all], existing: .appended)
            #expect(try hosts(text("\(path)/docker.io/hosts.toml")) == [mirror, "https://a", "https://b"])
        }
    }

    @Test(arguments: [
        ("host.\"https://a\".skip_verify = true\n", "no tables of their own"),
        ("[host]\n\"https://a\" = {}\n", "no tables of their own"), ("[host.\"https://a\"\n", "no TOML"),
        ("[host.\"https://a\"]\n[host.\"https://a\"]\n", "no TOML"), ("ca = \"../ca.crt\"\n", "../ca.crt"),
    ])
    func `what cannot be kept stays in effect, and is told`(_ theirs: String, _ words: String) throws {
        try with(["docker.io/hosts.toml": theirs, "ca.crt": "a"]) { path in
            let error = #expect(throws: NodeConfigurationError.self) {
                try HostsFolder(path: path).apply([all], existing: .appended)
            }
            #expect(error?.description.contains(words) == true, "\(error?.description ?? "")")
            #expect(text("\(path)/docker.io/hosts.toml") == theirs)
            #expect(!HostsFolder(path: path).isApplied)
        }
    }
}
