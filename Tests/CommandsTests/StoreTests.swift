import Foundation
import FoundationNetworking
import NIOCore
import OCI
import RegistryTestKit
import Testing

@testable import Commands

/// Real images through the whole program, and what becomes of its store.
@Suite struct StoreTests {
    private func weir(_ arguments: [String], in folder: Folder) async throws -> ProgramTests.Outcome {
        try await ProgramTests.run(arguments + ["--config", "weir.yaml"], environment: [:], directory: folder.path)
    }

    private func base(_ service: RunningWeir) async throws -> String {
        let line = try await service.ready()
        return String(try #require(line.split(separator: " ").first { $0.hasPrefix("http://") }))
    }

    /// Pulls every blob and manifest of `image` through `base`, as a client that takes all platforms does.
    private func pull(_ image: TestImage, _ tag: String, from base: String) async throws -> [Int] {
        var statuses: [Int] = []
        let manifests = ["manifests/\(tag)"] + image.images.map { "manifests/\($0.manifest.digest)" }
        for path in manifests + image.blobs.map({ "blobs/\($0.digest)" }) {
            let url = try #require(URL(string: "\(base)/v2/lab/a/b/\(path)"))
            let (_, response) = try await URLSession.shared.data(from: url)
            statuses.append((response as? HTTPURLResponse)?.statusCode ?? 0)
        }
        return statuses
    }

    @Test(.timeLimit(.minutes(2)))
    func `an image is pulled, explained, pinned, checked, damaged, repaired, rebuilt and evicted`()
        async throws
    {
        try await TestRegistry.withRunning { registry in
            let image = registry.addImage(repository: "a/b", tag: "1.2.3")
            let folder = try Folder()
            let yaml = "rules: { lab: { registry: \"\(registry.url)\", attempts: 1 } }"
            let first = try RunningWeir(serving: folder, yaml: yaml)
            let statuses = try await pull(image, "1.2.3", from: try await base(first))
            #expect(statuses.allSatisfy { $0 == 200 })
            let explained = try await weir(["explain", "lab/a/b:1.2.3"], in: folder)
            #expect(explained.output.contains("Digest:         \(image.index.digest)"), "\(explained.output)")
            #expect(explained.output.contains("Upstream calls: none"))
            let unchanged = try await weir(["refresh", "lab/a/b:1.2.3"], in: folder)
            #expect(unchanged.output == "lab/a/b:1.2.3: unchanged, \(image.index.digest)\n", "\(unchanged.errors)")
            let newer = registry.addImage(repository: "a/b", tag: "1.2.3")
            let changed = try await weir(["refresh", "lab/a/b:1.2.3"], in: folder)
            #expect(
                changed.output
                    == "lab/a/b:1.2.3: changed\n  from \(image.index.digest)\n  to   \(newer.index.digest)\n")
            let inJSON = try await weir(["refresh", "lab/a/b:1.2.3", "--json"], in: folder)
            #expect(inJSON.output.contains("\"cacheStatus\" : \"Weir; fwd=request"), "\(inJSON.output)")
            registry.move(tag: "1.2.3", of: "a/b", to: image.index.digest)
            _ = try await weir(["refresh", "lab/a/b:1.2.3"], in: folder)
            #expect(try await weir(["pin", "lab/a/b:1.2.3"], in: folder).code == 0)
            #expect(await first.end() == 0)

            #expect(try await weir(["fsck"], in: folder).code == 0)
            let layer = try #require(image.blobs.last).digest
            let file = "\(folder.path)/store/blobs/sha256/\(layer.hex.prefix(2))/\(layer.hex)"
            try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: file)
            try "altered".write(toFile: file, atomically: false, encoding: .utf8)
            let damaged = try await weir(["fsck"], in: folder)
            #expect(damaged.code == 1)
            #expect(damaged.output.contains("altered blob: \(layer) has the content of"), "\(damaged.output)")
            #expect(damaged.errors.contains("'weir fsck --repair' puts this right"))
            let repaired = try await weir(["fsck", "--repair"], in: folder)
            #expect(repaired.code == 0, "\(repaired.output) \(repaired.errors)")
            #expect(try await weir(["fsck"], in: folder).output.hasSuffix("everything is sound\n"))

            let rebuilt = try await weir(["fsck", "--rebuild", "--json"], in: folder)
            #expect(rebuilt.code == 0, "\(rebuilt.output) \(rebuilt.errors)")
            let second = try RunningWeir(serving: folder, yaml: yaml)
            let address = try await base(second)
            #expect(try await weir(["pins"], in: folder).output.contains("1.2.3"), "pins outlive a rebuild")
            // The layer that was thrown away comes from the upstream again; everything else is there.
            registry.forgetRequests()
            let again = try await pull(image, "1.2.3", from: address)
            #expect(again.allSatisfy { $0 == 200 })
            #expect(registry.requests(matching: .blobGets).count == 1)
            let preview = try await weir(["evict", "lab/a/b:1.2.3", "--dry-run"], in: folder)
            #expect(preview.output.contains("would remove 1 image"), "\(preview.output) \(preview.errors)")
            let evicted = try await weir(["evict", "lab/a/b:1.2.3"], in: folder)
            #expect(evicted.output.contains("removed 1 image"), "\(evicted.output) \(evicted.errors)")
            #expect(try await weir(["evict", "lab/a/b:1.2.3"], in: folder).code == 4)
            #expect(!FileManager.default.fileExists(atPath: file))
            #expect(await second.end() == 0)
        }
    }

    @Test(.timeLimit(.minutes(1))) func `a reload changes the account without dropping a transfer`() async throws {
        try await TestRegistry.withRunning { registry in
            let content = TestContent.random(count: 400_000)
            registry.add(blob: content.bytes, to: "a/b")
            let folder = try Folder()
            let service = try RunningWeir(serving: folder, yaml: "rules: { lab: { registry: \"\(registry.url)\" } }")
            let base = try await base(service)
            let stall = registry.inject(.stallBody(afterBytes: 100_000), for: .blobGets)
            let url = try #require(URL(string: "\(base)/v2/lab/a/b/blobs/\(content.digest)"))
            async let transfer = URLSession.shared.data(from: url)
            try await stall.waitUntilHolding()
            try folder.write(
                """
                listen: 127.0.0.1:0
                storage: { directory: store }
                rules: { lab: { registry: "\(registry.url)", username: me, accessToken: t } }
                """)
            #expect(try await weir(["reload"], in: folder).code == 0)
            #expect(try await weir(["status", "--json"], in: folder).output.contains("\"account\" : \"basic\""))
            stall.release()
            let (data, _) = try await transfer
            #expect(data.count == 400_000)
            #expect(await service.end() == 0)
        }
    }
}
