import Foundation
import FoundationNetworking
import Glibc
import NodeConfiguration
import OCI
import PeerRegistry
import Testing

@testable import Commands

/// Spegel's own command line, run as its chart runs it.
@Suite(.timeLimit(.minutes(1))) struct SpegelTests {
    private func contents(_ path: String) throws -> [String: String] {
        var all: [String: String] = [:]
        for case let name as String in try #require(FileManager.default.enumerator(atPath: path)) {
            guard let data = FileManager.default.contents(atPath: "\(path)/\(name)") else { continue }
            all[name] = String(decoding: data, as: UTF8.self)
        }
        return all
    }

    private func put(_ text: String, at name: String, in folder: Folder) throws {
        let path = "\(folder.path)/\(name)"
        try FileManager.default.createDirectory(
            atPath: (path as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
        try text.write(toFile: path, atomically: false, encoding: .utf8)
    }

    /// The lines that containerd reads.
    private func lines(_ text: String?) -> [String] {
        (text ?? "").split(separator: "\n").map(String.init).filter { !$0.hasPrefix("#") }
    }

    @Test(arguments: [false, true]) func `hosts files are written by flags or by environment`(
        byEnvironment: Bool
    ) async throws {
        let folder = try Folder()
        let path = "\(folder.path)/certs.d"
        try put("server = \"https://old.example\"\n", at: "certs.d/quay.io/hosts.toml", in: folder)
        let outcome =
            byEnvironment
            ? try await ProgramTests.run(
                ["spegel", "configuration"],
                environment: [
                    "LOG_LEVEL": "INFO", "CONTAINERD_REGISTRY_CONFIG_PATH": path,
                    "MIRRORED_REGISTRIES": "https://docker.io,http://in.example:5000",
                    "MIRROR_TARGETS": "http://10.0.0.5:30020,http://fd00::5:30021", "RESOLVE_TAGS": "false",
                ])
            : try await ProgramTests.run([
                "spegel", "configuration", "--log-level=INFO", "--containerd-registry-config-path=\(path)",
                "--mirrored-registries", "https://docker.io", "http://in.example:5000", "--mirror-targets",
                "http://10.0.0.5:30020", "http://fd00::5:30021", "--resolve-tags=false",
                "--prepend-existing=false",
            ])
        #expect(outcome.code == 0, "\(outcome.errors)")
        let files = try contents(path)
        #expect(
            Set(files.keys) == ["docker.io/hosts.toml", "in.example:5000/hosts.toml", "_backup/quay.io/hosts.toml"])
        #expect(
            lines(files["docker.io/hosts.toml"]) == [
                #"server = "https://registry-1.docker.io""#, #"[host."http://10.0.0.5:30020"]"#,
                #"capabilities = ["pull"]"#, #"dial_timeout = "200ms""#, #"[host."http://[fd00::5]:30021"]"#,
                #"capabilities = ["pull"]"#, #"dial_timeout = "200ms""#,
            ])
        #expect(lines(files["in.example:5000/hosts.toml"]).first == #"server = "http://in.example:5000""#)
    }

    @Test func `a folder that Spegel wrote is taken over, and put back`() async throws {
        let folder = try Folder()
        let path = "\(folder.path)/certs.d"
        let theirs = """
            server = "https://registry-1.docker.io"
            [host."https://mirror.example"]
            capabilities = ["pull"]
            """
        try put(theirs, at: "certs.d/_backup/docker.io/hosts.toml", in: folder)
        // As Spegel writes them: nothing says whose they are.
        for name in ["docker.io", "ghcr.io"] {
            try put("[host.'http://10.0.0.5:30020']\n", at: "certs.d/\(name)/hosts.toml", in: folder)
        }
        let arguments = [
            "spegel", "configuration", "--containerd-registry-config-path", path, "--mirrored-registries",
            "https://docker.io", "--mirror-targets", "http://10.0.0.9:30020", "--prepend-existing=true",
        ]
        for _ in 1...2 {
            let outcome = try await ProgramTests.run(arguments)
            #expect(outcome.code == 0, "\(outcome.errors)")
        }
        let files = try contents(path)
        #expect(Set(files.keys) == ["docker.io/hosts.toml", "_backup/docker.io/hosts.toml"])
        let text = try #require(files["docker.io/hosts.toml"])
        #expect(text.contains("10.0.0.9") && text.contains("mirror.example") && !text.contains("10.0.0.5"))

        let cleanup = try RunningWeir(
            ["spegel", "cleanup", "--addr", "127.0.0.1:0", "--containerd-registry-config-path", path], in: folder)
        let line = try await cleanup.ready()
        let address = try #require(line.split(whereSeparator: \.isWhitespace).last)
        #expect(try contents(path) == ["docker.io/hosts.toml": theirs])
        let (_, response) = try await URLSession.shared.data(
            from: try #require(URL(string: "http://\(address)/readyz")))
        #expect((response as? HTTPURLResponse)?.statusCode == 200)
        let waited = try await ProgramTests.run([
            "spegel", "cleanup-wait", "--probe-endpoint", "\(address)", "--threshold", "2", "--period", "10ms",
        ])
        #expect(waited.code == 0, "\(waited.errors)")
        #expect(await cleanup.end() == 0)
    }

    @Test(
        arguments: [
            (0, 0, "the name has no address"), (1, 3, "1 of 3 answer at /readyz"), (3, 3, nil),
        ] as [(Int, Int, String?)])
    func `who is not ready is told, and nobody is not everybody`(_ ready: Int, _ all: Int, _ reason: String?) {
        let readiness = SpegelCleanupWaitCommand.Readiness(ready: ready, all: all)
        #expect(readiness.reason == reason && readiness.isEveryone == (reason == nil))
    }

    /// As go-arg reads them, and as Weir always has.
    @Test(arguments: [
        (["--debug-web-enabled"], ["--debug-web-enabled=true"]),
        (["--debug-web-enabled", "--log-level", "INFO"], ["--debug-web-enabled=true", "--log-level", "INFO"]),
        (["--debug-web-enabled=false"], ["--debug-web-enabled=false"]),
        (["--resolve-latest-tag", "false"], ["--resolve-latest-tag", "false"]),
        (
            ["-resolve-tags", "-mirror-targets", "http://a:1"],
            ["--resolve-tags=true", "--mirror-targets", "http://a:1"]
        ),
        (["--prepend-existing", "--resolve-tags"], ["--prepend-existing=true", "--resolve-tags=true"]),
        (["--registry-addr=:5000", "-h"], ["--registry-addr=:5000", "-h"]),
    ])
    func `flags that are true or false may stand alone, behind one dash or two`(
        _ given: [String], _ completed: [String]
    ) {
        #expect(SpegelArguments.completed(["spegel", "registry"] + given) == ["spegel", "registry"] + completed)
        #expect(SpegelArguments.completed(["serve"] + given) == ["serve"] + given)
    }

    @Test(arguments: [
        (["--resolve-latest-tag"], [:], true), ([], [:], true), (["--resolve-latest-tag=false"], [:], false),
        ([], ["RESOLVE_LATEST_TAG": "false"], false), (["--resolve-latest-tag"], ["RESOLVE_LATEST_TAG": "0"], true),
    ])
    func `latest is shared unless a flag or the environment says otherwise`(
        _ flags: [String], _ environment: [String: String], _ isShared: Bool
    ) throws {
        let parsed = try WeirProgram.command(
            ["spegel", "registry", "--bootstrap-kind", "http", "--http-bootstrap-addr", ":1"] + flags)
        let command = try #require(parsed as? SpegelRegistryCommand)
        let node = try command.node(SpegelEnvironment(environment))
        let name = try RepositoryName("library/x")
        #expect(node.filter.allows(.dockerHub, name, .latest) == isShared)
        #expect(node.filter.allows(.dockerHub, name, try Tag("1.27")))
    }

    @Test func `a flag alone has hosts files written as Spegel writes them`() async throws {
        let folder = try Folder()
        let outcome = try await ProgramTests.run([
            "spegel", "configuration", "--containerd-registry-config-path", "\(folder.path)/certs.d",
            "--prepend-existing", "--resolve-tags", "--mirror-targets", "http://10.0.0.5:30020",
        ])
        #expect(outcome.code == 0, "\(outcome.errors)")
        let text = try contents("\(folder.path)/certs.d")["_default/hosts.toml"]
        #expect(lines(text).contains(#"capabilities = ["pull", "resolve"]"#), "\(text ?? "")")
    }

    @Test(
        arguments: [
            (["configuration"], "--mirror-targets"),
            (["configuration", "--mirror-targets", "10.0.0.5:30020"], "is no address"),
            (["configuration", "--mirror-targets", "http://*:1"], "is no address"),
            (["configuration", "--mirror-targets", "http://a:1", "--resolve-tags=perhaps"], "true or false"),
            (
                ["configuration", "--mirror-targets", "http://a:1", "--mirrored-registries", "https://a/b"],
                "is no registry"
            ),
            (["cleanup", "--addr", "nowhere"], "is no address"), (["cleanup-wait"], "--probe-endpoint"),
            (["registry", "--bootstrap-kind", "magic"], "dns, http or static"),
            (["registry", "--debug-web-enabled=perhaps"], "true or false"),
            (["registry", "--bootstrap-kind", "http"], "needs --http-bootstrap-url"),
            (["registry", "--bootstrap-kind", "http", "--http-bootstrap-url", "x"], "is no address"),
            (["registry", "--bootstrap-kind", "static"], "needs --static-bootstrap-peers"),
            (["registry", "--bootstrap-kind", "dns"], "needs --dns-bootstrap-domain"),
            (["registry", "--mirror-resolve-timeout", "20"], "is no duration"),
            (["configuration", "--mirror-targets", "http://a:1,http://b:1"], "is no address"),
        ])
    func `what cannot be meant is refused`(_ arguments: [String], _ words: String) async throws {
        let folder = try Folder()
        let outcome = try await ProgramTests.run(
            ["spegel"] + arguments,
            environment: ["CONTAINERD_REGISTRY_CONFIG_PATH": "\(folder.path)/certs.d"])
        #expect(outcome.code == 2 && outcome.errors.contains(words), "\(outcome.errors)")
        #expect(access("\(folder.path)/certs.d", F_OK) != 0)
    }
}
