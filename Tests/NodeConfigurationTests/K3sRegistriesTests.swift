import Foundation
import OCI
import Testing
import Yams

@testable import NodeConfiguration

@Suite struct K3sRegistriesTests {
    private let weir = "http://10.0.0.1:30500"

    private func tree(_ text: String) throws -> NSDictionary {
        try #require(try Yams.load(yaml: text) as? NSDictionary)
    }

    private func written(
        _ original: String?, registries: [String] = [], existing: HostsFolder.Existing = .appended
    ) throws -> (root: NSDictionary, content: K3sRegistries.Content) {
        let file = K3sRegistries(
            registries: try registries.map { try RegistryHost($0) }, mirrors: [weir], existing: existing)
        let content = try file.content(original: original, path: "registries.yaml", backup: "before")
        return (try tree(content.text), content)
    }

    // MARK: What is written

    @Test(arguments: [
        (nil, [], "{mirrors: {'*': {endpoint: [WEIR]}}}"), ("", [], "{mirrors: {'*': {endpoint: [WEIR]}}}"),
        ("mirrors:\nconfigs:\n", [], "{mirrors: {'*': {endpoint: [WEIR]}}, configs: null}"),
        (nil, ["docker.io", "quay.io"], "{mirrors: {docker.io: {endpoint: [WEIR]}, quay.io: {endpoint: [WEIR]}}}"),
        // Every entry is asked before '*' is.
        (
            "mirrors: {docker.io: {endpoint: ['https://a']}, 'r:5000': {endpoint: [WEIR, 'https://b']}}", [],
            "{mirrors: {docker.io: {endpoint: [WEIR, 'https://a']}, 'r:5000': {endpoint: [WEIR, 'https://b']}, '*': {endpoint: [WEIR]}}}"
        ),
        (
            "mirrors: {docker.io: {endpoint: ['https://a']}, quay.io: {}}", ["quay.io"],
            "{mirrors: {docker.io: {endpoint: ['https://a']}, quay.io: {endpoint: [WEIR]}}}"
        ),
        // An entry of its own hides what '*' says.
        (
            "mirrors: {'*': {endpoint: ['https://all']}}", ["quay.io"],
            "{mirrors: {'*': {endpoint: ['https://all']}, quay.io: {endpoint: [WEIR, 'https://all']}}}"
        ),
        (
            "configs: {r: {auth: {username: u, password: '007'}, tls: {insecure_skip_verify: true}}}", [],
            "{configs: {r: {auth: {username: u, password: '007'}, tls: {insecure_skip_verify: true}}}, mirrors: {'*': {endpoint: [WEIR]}}}"
        ),
    ])
    func `ours comes before what is there`(_ original: String?, _ registries: [String], _ expected: String) throws {
        let fill = { (text: String) in text.replacing("WEIR", with: "'\(weir)/v2'") }
        let (root, content) = try written(original.map(fill), registries: registries)
        #expect(try root == tree(fill(expected)), "\(content.text)")
        #expect(content.untouched == [])
        #expect(try written(content.text, registries: registries).root == root, "again")
    }

    @Test func `what is set aside are mirrors, and never accounts`() throws {
        let original = "mirrors: {docker.io: {endpoint: [a]}}\nconfigs: {r: {auth: {token: t}}}\n"
        let (root, content) = try written(original, existing: .setAside)
        let expected = "{mirrors: {'*': {endpoint: ['\(weir)/v2']}}, configs: {r: {auth: {token: t}}}}"
        #expect(try root == tree(expected))
        #expect(content.text.hasPrefix("\(HostsFile.mark)\n# That is kept as before"))
    }

    @Test func `an entry with rewrites stays, and is told`() throws {
        let original =
            "mirrors: {docker.io: {endpoint: [a], rewrite: {'^library/(.*)': 'hub/$1'}}, quay.io: {rewrite: {}}}"
        let (root, content) = try written(original)
        #expect(content.untouched == ["docker.io"])
        let mirrors = try #require(root["mirrors"] as? [String: [String: Any]])
        #expect(mirrors["docker.io"]?["endpoint"] as? [String] == ["a"])
        #expect(mirrors["quay.io"]?["endpoint"] as? [String] == ["\(weir)/v2"])
    }

    @Test func `certificates for the mirrors stand where K3s looks for them`() throws {
        var file = K3sRegistries(registries: [], mirrors: ["https://weir:5000"])
        file.certificateAuthorityFile = "/ca.pem"
        file.clientCertificateFile = "/c.pem"
        file.clientKeyFile = "/k.pem"
        let text = try file.content(
            original: "configs: {'weir:5000': {auth: {token: t}}}", path: "r", backup: "b"
        ).text
        let expected =
            "{'weir:5000': {auth: {token: t}, tls: {ca_file: /ca.pem, cert_file: /c.pem, key_file: /k.pem}}}"
        #expect(try tree(text)["configs"] as? NSDictionary == tree(expected))
    }

    @Test(arguments: [
        "- a", "mirrors: [a]", "configs: x", "mirrors: {a: {endpoint: b}}", "a: [", "mirrors: {}\nmirrors: {}", "x",
        "a: &a [\"\(String(repeating: "x,", count: 200))\"]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d]",
    ])
    func `what is not of K3s's form is refused, and not quoted`(_ original: String) {
        do throws(NodeConfigurationError) {
            _ = try K3sRegistries(registries: [], mirrors: [weir], existing: .appended)
                .content(original: original, path: "/r.yaml", backup: "b")
            Issue.record("it was taken: \(original.prefix(80))")
        } catch {
            #expect("\(error)".hasPrefix("/r.yaml: "))
        }
    }

    // MARK: The file

    private func with(_ body: (K3sRegistriesFile, (String, String?) throws -> Void) throws -> Void) throws {
        let folder = "/tmp/weir-k3s-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try body(K3sRegistriesFile(path: "\(folder)/registries.yaml")) { name, text in
            guard let text else { return try FileManager.default.removeItem(atPath: "\(folder)/\(name)") }
            try text.write(toFile: "\(folder)/\(name)", atomically: true, encoding: .utf8)
        }
    }

    private func contents(_ file: K3sRegistriesFile) throws -> [String: String] {
        let folder = URL(fileURLWithPath: file.path).deletingLastPathComponent().path
        var contents: [String: String] = [:]
        for name in try FileManager.default.contentsOfDirectory(atPath: folder) {
            contents[name] = try String(contentsOfFile: "\(folder)/\(name)", encoding: .utf8)
        }
        return contents
    }

    private var registries: K3sRegistries { K3sRegistries(registries: [], mirrors: [weir]) }
    private let theirs = "# theirs\nconfigs: { r: { auth: { token: t } } }\n"

    @Test func `what was there comes back, byte for byte, with its owner and mode`() throws {
        try with { file, write throws in
            try write("registries.yaml", theirs)
            chmod(file.path, 0o640)
            let before = try FileManager.default.attributesOfItem(atPath: file.path)
            #expect(try file.apply(registries) == .init(isWritten: true))
            #expect(try file.apply(registries) == .init())
            #expect(try contents(file)["registries.yaml.before-weir"] == theirs)
            #expect(try contents(file)["registries.yaml"]?.contains("token") == true)
            let mode = try FileManager.default.attributesOfItem(atPath: file.path)[.posixPermissions] as? Int
            #expect(mode == 0o600)
            #expect(try file.restore() == .putBack)
            #expect(try contents(file) == ["registries.yaml": theirs])
            let after = try FileManager.default.attributesOfItem(atPath: file.path)
            for key in [FileAttributeKey.systemFileNumber, .posixPermissions, .modificationDate] {
                #expect(after[key] as? NSObject == before[key] as? NSObject)
            }
            #expect(try file.restore() == .nothing)
        }
    }

    @Test func `where there was none there is none again`() throws {
        try with { file, _ throws in
            #expect(try file.restore() == .nothing)
            #expect(try file.apply(registries).isWritten)
            #expect(try file.restore() == .removed)
            #expect(try contents(file) == [:])
        }
        #expect(try K3sRegistriesFile(path: "/tmp/weir-\(UUID().uuidString)/registries.yaml").restore() == .nothing)
    }

    @Test func `whoever writes afterwards means it`() throws {
        try with { file, write throws in
            try write("registries.yaml", theirs)
            _ = try file.apply(registries)
            try write("registries.yaml", "configs: { s: { auth: { token: u } } }\n")
            let changes = try file.apply(registries)
            #expect(changes.isWritten && changes.isReplaced)
            #expect(try contents(file)["registries.yaml"]?.contains("token: u") == true)
            #expect(try contents(file)["registries.yaml.replaced"] == theirs)
            // What is changed in the copy counts, as the file says of itself.
            try write("registries.yaml.before-weir", "configs: { s: { auth: { token: v } } }\n")
            #expect(try file.apply(registries).isWritten)
            #expect(try contents(file)["registries.yaml"]?.contains("token: v") == true)
            try write("registries.yaml", "# mine\n")
            #expect(try file.restore() == .left)
            #expect(try contents(file)["registries.yaml"] == "# mine\n")
            #expect(try contents(file)["registries.yaml.before-weir"] == nil)
        }
    }

    @Test func `broken off between its two steps, either goes on`() throws {
        for restores in [false, true] {
            try with { file, write throws in
                try write("registries.yaml", theirs)
                #expect(link(file.path, file.backup) == 0)
                if restores {
                    #expect(try file.restore() == .left)
                } else {
                    #expect(try file.apply(registries) == .init(isWritten: true))
                    #expect(try file.restore() == .putBack)
                }
                #expect(try contents(file) == ["registries.yaml": theirs])
            }
        }
    }

    @Test func `what cannot be read or merged stays in effect`() throws {
        try with { file, write throws in
            try write("registries.yaml", "mirrors: [")
            #expect(throws: NodeConfigurationError.self) { try file.apply(registries) }
            #expect(try contents(file) == ["registries.yaml": "mirrors: ["])
            try write("registries.yaml", nil)
            try FileManager.default.createSymbolicLink(atPath: file.path, withDestinationPath: "/nowhere/r.yaml")
            #expect(throws: NodeConfigurationError.self) { try file.apply(registries) }
            #expect(try FileManager.default.destinationOfSymbolicLink(atPath: file.path) == "/nowhere/r.yaml")
        }
    }

    // MARK: What K3s makes of it

    @Test(arguments: [
        ("/etc/rancher/k3s/registries.yaml", "/var/lib/rancher/k3s/agent/etc/containerd/certs.d"),
        ("/etc/rancher/rke2/registries.yaml", "/var/lib/rancher/rke2/agent/etc/containerd/certs.d"),
        ("/etc/rancher/other/registries.yaml", nil), ("/srv/registries.yaml", nil),
    ])
    func `where its hosts files are`(_ path: String, _ expected: String?) {
        #expect(K3sHosts.standard(for: path)?.folder == expected)
    }

    @Test func `it has started since where every mirror is in its hosts files`() throws {
        let folder = "/tmp/weir-k3s-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let hosts = K3sHosts(folder: folder)
        var registries = registries
        #expect(try !hosts.have(registries, untouched: []))
        func put(_ name: String, _ address: String) throws {
            try FileManager.default.createDirectory(
                atPath: "\(folder)/\(name)", withIntermediateDirectories: true)
            try "[host]\n[host.\"\(address)\"]\n".write(
                toFile: "\(folder)/\(name)/hosts.toml", atomically: true, encoding: .utf8)
        }
        try put("_default", "http://10.0.0.1:305001/v2")
        #expect(try !hosts.have(registries, untouched: []))
        try put("_default", "\(weir)/v2")
        #expect(try hosts.have(registries, untouched: []))
        registries.registries = [try RegistryHost("r.example:5000"), .dockerHub]
        try put("r.example_5000_", "\(weir)/v2")
        #expect(try !hosts.have(registries, untouched: []))
        #expect(try hosts.have(registries, untouched: ["docker.io"]))
    }
}
