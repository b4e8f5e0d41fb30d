import Foundation
import FoundationNetworking
import Glibc
import Testing

@testable import Commands

/// Runs the whole service as a process of its own, without any upstream.
@Suite struct ServiceTests {
    private func weir(
        _ arguments: [String], in folder: Folder, environment: [String: String] = [:]
    ) async throws -> ProgramTests.Outcome {
        try await ProgramTests.run(
            arguments + ["--config", "weir.yaml"], environment: environment, directory: folder.path)
    }

    @Test(.timeLimit(.minutes(1))) func `the service starts without an upstream, answers, and ends in order`()
        async throws
    {
        let folder = try Folder()
        let service = try RunningWeir(serving: folder)
        let line = try await service.ready()
        let url = try #require(line.split(separator: " ").first { $0.hasPrefix("http://127.0.0.1:") })
        #expect(line.hasPrefix("weir \(Version.text) is ready on http://127.0.0.1:"))
        for (path, expected) in [("healthz", "ok\n"), ("readyz", "ok\n"), ("metrics", "weir_info{version=")] {
            let text = try await URLSession.shared.data(from: try #require(URL(string: "\(url)/\(path)"))).0
            #expect(String(decoding: text, as: UTF8.self).contains(expected), "\(path)")
        }
        let metrics = try await URLSession.shared.data(from: try #require(URL(string: "\(url)/metrics"))).0
        let lines = String(decoding: metrics, as: UTF8.self).split(separator: "\n")
        let named = { (prefix: String) in Set(lines.filter { $0.hasPrefix(prefix) }.map { $0.split(separator: " ")[2] })
        }
        #expect(named("# TYPE ").subtracting(named("# HELP ")) == [], "every metric has a help text")
        let status = try await weir(["status"], in: folder)
        #expect(status.code == 0, "\(status.errors)")
        #expect(status.output.contains("docker.io"))
        let json = try await weir(["status", "--json"], in: folder)
        #expect(json.output.contains("\"account\" : \"anonymous\""))
        #expect(await service.end() == 0)
        #expect(!FileManager.default.fileExists(atPath: "\(folder.path)/store/control.sock"))
        #expect(try await weir(["status"], in: folder).code == 3)
    }

    @Test(.timeLimit(.minutes(1))) func `commands that concern contents reach the service`() async throws {
        let folder = try Folder()
        let service = try RunningWeir(
            serving: folder, yaml: "rules: { lab: { registry: \"http://127.0.0.1:1\", attempts: 1 } }")
        _ = try await service.ready()
        let explained = try await weir(["explain", "lab/x:1"], in: folder)
        #expect(explained.code == 0, "\(explained.errors)")
        #expect(explained.output.contains("Rule:           lab (http://127.0.0.1:1)"))
        #expect(explained.output.contains("Cached:         no"))
        #expect(try await weir(["pins"], in: folder).output == "nothing is pinned\n")
        #expect(try await weir(["pin", "lab/x:1"], in: folder).output == "pinned lab/x:1\n")
        #expect(try await weir(["pins"], in: folder).output == "RULE  REPOSITORY  REFERENCE\nlab   x           1\n")
        #expect(try await weir(["unpin", "lab/x:1"], in: folder).output == "unpinned lab/x:1\n")
        let unpinned = try await weir(["unpin", "lab/x:1"], in: folder)
        #expect(unpinned.code == 4)
        #expect(unpinned.errors == "weir: lab/x:1 is not pinned\n")
        #expect(try await weir(["evict", "lab/x:1"], in: folder).code == 4)
        let collected = try await weir(["gc", "--dry-run"], in: folder)
        #expect(collected.code == 0, "\(collected.errors)")
        #expect(collected.output.hasPrefix("would remove 0 images and 0 blobs"))
        let refreshed = try await weir(["refresh", "lab/x:1"], in: folder)
        #expect(refreshed.code == 1)
        let status = try await weir(["status"], in: folder)
        #expect(
            status.output.hasSuffix(
                "  lab: cannot be reached, or its answers make no sense; 'weir rules validate lab' says more\n"))
        #expect(refreshed.errors.contains("lab/x:1: the upstream cannot be reached"), "\(refreshed.errors)")
        let listing = try await weir(["images", "--cluster"], in: folder, environment: ["HOME": folder.path])
        #expect(listing.code == 2)
        #expect(listing.errors.hasSuffix("; name a kubeconfig by --kubeconfig\n"), "\(listing.errors)")
        for reference in ["lab/X", "nowhere.example/x", "x:y:z"] {
            let wrong = try await weir(["explain", reference], in: folder)
            #expect(wrong.code == 2, "\(reference): \(wrong.errors)")
        }
        #expect(await service.end() == 0)
    }

    @Test(.timeLimit(.minutes(1))) func `a second service on the same store is refused`() async throws {
        let folder = try Folder()
        let first = try RunningWeir(serving: folder)
        _ = try await first.ready()
        let second = try RunningWeir(serving: folder)
        #expect(await second.exitCode() == 1)
        #expect(second.errors.contains("another process"), "\(second.errors)")
        let check = try await weir(["fsck"], in: folder)
        #expect(check.code == 1)
        #expect(check.errors.contains("has the store"), "\(check.errors)")
        #expect(await first.end() == 0)
    }

    @Test(.timeLimit(.minutes(1))) func `SIGHUP brings changed rules into effect, and bad ones not`() async throws {
        let folder = try Folder()
        let service = try RunningWeir(serving: folder)
        _ = try await service.ready()
        #expect(try await weir(["explain", "lab/x"], in: folder).output.contains("docker.io (registry-1.docker.io)"))
        let yaml = "listen: 127.0.0.1:0\nstorage: { directory: store }\n"
        try folder.write(
            yaml
                + "rules: { lab: { registry: \"http://127.0.0.1:1\" } }\nlog: { level: debug }\nlimits: { connections: 9 }"
        )
        service.signal(SIGHUP)
        try await service.logged("The configuration was reloaded")
        #expect(service.errors.contains("Some settings changed that only a restart brings into effect settings=limits"))
        #expect(try await weir(["explain", "lab/x"], in: folder).output.contains("lab (http://127.0.0.1:1)"))
        try folder.write(yaml + "rules: { lab: { registry: \"http://127.0.0.1:2\" } }")
        let reloaded = try await weir(["reload"], in: folder)
        #expect(reloaded.output == "reloaded\n", "\(reloaded.errors)")
        #expect(try await weir(["explain", "lab/x"], in: folder).output.contains("lab (http://127.0.0.1:2)"))
        try folder.write(yaml + "rulse: {}")
        service.signal(SIGHUP)
        try await service.logged("The configuration has errors, and stays as it was")
        #expect(await service.end() == 0)
    }

    @Test(.timeLimit(.minutes(1))) func `a killed service leaves nothing that stops the next`() async throws {
        let folder = try Folder()
        let first = try RunningWeir(serving: folder)
        _ = try await first.ready()
        first.signal(SIGKILL)
        _ = await first.exitCode()
        #expect(try await weir(["status"], in: folder).code == 3)
        let second = try RunningWeir(serving: folder)
        _ = try await second.ready()
        #expect(try await weir(["status"], in: folder).code == 0)
        #expect(await second.end() == 0)
    }

    @Test(.timeLimit(.minutes(1))) func `an address that is taken is told`() async throws {
        let folder = try Folder()
        let first = try RunningWeir(serving: folder)
        let port = try #require(try await first.ready().split(separator: " ")[5].split(separator: ":").last)
        let other = try Folder()
        let second = try RunningWeir(serving: other, yaml: "control: { socket: c.sock }")
        _ = try await second.ready()
        #expect(await second.end() == 0)
        try other.write("listen: 127.0.0.1:\(port)\nstorage: { directory: store }\n")
        let refused = try await ProgramTests.run(["serve", "--config", "weir.yaml"], directory: other.path)
        #expect(refused.code == 1)
        #expect(
            refused.errors.contains("cannot listen on 127.0.0.1:\(port): another process listens there; stop it, or"),
            "\(refused.errors)")
        #expect(await first.end() == 0)
    }

    @Test(.timeLimit(.minutes(1))) func `a damaged catalogue is told, and made anew`() async throws {
        let folder = try Folder()
        let first = try RunningWeir(serving: folder)
        _ = try await first.ready()
        #expect(await first.end() == 0)
        #expect(
            try await weir(["fsck"], in: folder).output
                == "checked 0 blobs (0 B), 0 manifests, 0 tags\neverything is sound\n")
        let path = "\(folder.path)/store/catalogue.sqlite"
        try String(repeating: "no database ", count: 1000).write(toFile: path, atomically: false, encoding: .utf8)
        let second = try RunningWeir(serving: folder)
        #expect(await second.exitCode() == 1)
        #expect(second.errors.contains("weir fsck --rebuild"), "\(second.errors)")
        let rebuilt = try await weir(["fsck", "--rebuild"], in: folder)
        #expect(rebuilt.code == 0, "\(rebuilt.errors)")
        #expect(rebuilt.output.hasPrefix("rebuilt the catalogue: 0 blobs, 0 manifests, 0 tags\n"))
        #expect(FileManager.default.fileExists(atPath: "\(path).old"))
        let third = try RunningWeir(serving: folder)
        _ = try await third.ready()
        #expect(await third.end() == 0)
    }

    @Test(.timeLimit(.minutes(1))) func `there is no store to check where there is none`() async throws {
        let outcome = try await ProgramTests.run(["fsck", "--storage-directory", "/nonexistent/store"])
        #expect(outcome.code == 4)
        #expect(outcome.errors.contains("there is no store /nonexistent/store"))
    }
}
