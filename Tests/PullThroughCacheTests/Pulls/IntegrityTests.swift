import Foundation
import HTTPSemantics
import NIOCore
import OCI
import RegistryTestKit
import Rules
import Testing
import Timekeeping
import Upstream

@testable import PullThroughCache

/// Wrong bytes, wrong digests and wrong sizes, wherever they come from.
@Suite(.timeLimit(.minutes(1))) struct IntegrityTests {
    private static let keepsNothing = Configuration(
        retries: CacheFixture.retries, storeLimit: StoreLimit(cap: .bytes(1000)), unreferencedGrace: .zero)

    @Test(arguments: [true, false])
    func `a blob that is not what its digest says is never given out whole, kept or not`(_ isKept: Bool) async throws {
        let configuration = isKept ? Configuration(retries: CacheFixture.retries) : Self.keepsNothing
        try await CacheFixture.withRunning(configuration: configuration) { fixture async throws in
            let image = fixture.registry.addSingleImage(repository: "a/b", tag: "v1", layerSizes: [50_000])
            let layer = image.layers[0]
            _ = try await fixture.manifest("a/b", "v1")
            fixture.registry.inject(.corruptBody, for: .blobGets.of(layer.digest))
            let error = await #expect(throws: CacheError.self) { try await fixture.bytes("a/b", layer.digest) }
            guard case .digestMismatch(let expected, _)? = error else {
                Issue.record("\(String(describing: error))")
                return
            }
            #expect(expected == layer.digest)
            fixture.registry.removeAllFaults()
            #expect(try await fixture.bytes("a/b", layer.digest) == layer.bytes)
        }
    }

    @Test func `a blob that does not end is broken off where its manifest says that it ends`() async throws {
        try await CacheFixture.withRunning { fixture async throws in
            let image = fixture.registry.addSingleImage(repository: "a/b", tag: "v1", layerSizes: [5000])
            _ = try await fixture.manifest("a/b", "v1")
            fixture.registry.inject(.endlessBody, for: .blobGets)
            let error = await #expect(throws: CacheError.self) {
                try await fixture.bytes("a/b", image.layers[0].digest)
            }
            guard case .sizeMismatch(5000, _)? = error else {
                Issue.record("\(String(describing: error))")
                return
            }
        }
    }

    @Test func `a blob whose size a manifest tells wrong is not served by it, though it be stored`() async throws {
        try await CacheFixture.withRunning { fixture async throws in
            let image = fixture.registry.addSingleImage(repository: "a/honest", tag: "v1", layerSizes: [5000])
            let layer = image.layers[0]
            _ = try await fixture.manifest("a/honest", "v1")
            _ = try await fixture.bytes("a/honest", layer.digest)
            try await fixture.settle()
            let text = try #require(image.manifest.bytes.getString(at: 0, length: image.manifest.bytes.readableBytes))
            let lie = text.replacingOccurrences(of: "\"size\":5000", with: "\"size\":5001")
            #expect(lie != text)
            fixture.registry.add(image, to: "a/liar")
            fixture.registry.inject(
                .replaceBody(Array(lie.utf8)), for: RequestMatcher(method: "GET", kind: .manifest, repository: "a/liar")
            )
            fixture.registry.inject(
                .omitHeader("Docker-Content-Digest"), for: RequestMatcher(kind: .manifest, repository: "a/liar"))
            fixture.registry.add(manifest: image.manifest, to: "a/liar", tag: "v1")
            _ = try await fixture.manifest("a/liar", "v1")
            for isHead in [false, true] {
                await #expect(throws: CacheError.sizeMismatch(expected: 5001, actual: 5000)) {
                    _ = try await fixture.blob("a/liar", layer.digest, isHead: isHead)
                }
            }
            #expect(try await fixture.bytes("a/honest", layer.digest) == layer.bytes)
        }
    }

    @Test func `a manifest that was altered on the disk is fetched again`() async throws {
        let registry = try await TestRegistry.start()
        let image = registry.addSingleImage(repository: "a/b", tag: "v1", layerSizes: [100])
        let digest = image.manifest.digest
        let directory = FileManager.default.temporaryDirectory.path + "/weir-altered-\(UInt64.random(in: 0 ... .max))"
        defer { try? FileManager.default.removeItem(atPath: directory) }
        try await CacheFixture.withRunning(registry: registry, directory: directory) { fixture async throws in
            _ = try await fixture.manifest("a/b", "v1")
            try await fixture.settle()
        }
        let file = "\(directory)/blobs/sha256/\(digest.hex.prefix(2))/\(digest.hex)"
        var bytes = try Data(contentsOf: URL(filePath: file))
        bytes[bytes.count / 2] ^= 1
        try FileManager.default.removeItem(atPath: file)
        try bytes.write(to: URL(filePath: file))
        try await CacheFixture.withRunning(registry: registry, directory: directory) { fixture async throws in
            for reference in ["v1", "\(digest)"] {
                #expect(try await fixture.manifest("a/b", reference).bytes == image.manifest.bytes)
            }
        }
        await registry.stop()
    }

    @Test func `an upstream that confirms one digest with another is not believed`() async throws {
        try await CacheFixture.withRunning { fixture async throws in
            let image = fixture.registry.addSingleImage(repository: "a/one", tag: "v1", layerSizes: [100])
            let other = fixture.registry.addSingleImage(repository: "a/two", tag: "v1", layerSizes: [100])
            _ = try await fixture.manifest("a/one", "v1")
            try await fixture.settle()
            fixture.registry.add(manifest: image.manifest, to: "a/two", tag: "v2")
            fixture.registry.inject(
                .setHeader("Docker-Content-Digest", "\(other.manifest.digest)"), for: .manifestHeads)
            await #expect(
                throws: CacheError.digestMismatch(expected: image.manifest.digest, actual: other.manifest.digest)
            ) { try await fixture.manifest("a/two", image.manifest.digest) }
        }
    }

    @Test func `a manifest of the old schema is refused by what a HEAD says of it`() async throws {
        try await CacheFixture.withRunning { fixture async throws in
            fixture.registry.addSingleImage(repository: "a/b", tag: "v1", layerSizes: [100])
            fixture.registry.inject(
                .setHeader("Content-Type", "application/vnd.docker.distribution.manifest.v1+prettyjws"),
                for: .manifestHeads)
            await #expect(throws: CacheError.manifestInvalid(.schema1)) {
                try await fixture.manifest("a/b", "v1", isHead: true)
            }
        }
    }

    @Test func `a clock that was set back makes nothing fresh, from memory either`() async throws {
        try await CacheFixture.withRunning { fixture async throws in
            fixture.registry.addSingleImage(repository: "a/b", tag: "v1", layerSizes: [100])
            _ = try await fixture.manifest("a/b", "v1")
            fixture.registry.forgetRequests()
            _ = try await fixture.manifest("a/b", "v1")
            #expect(fixture.registry.requestCount() == 0)
            fixture.clock.advance(by: .seconds(-60))
            _ = try await fixture.manifest("a/b", "v1")
            #expect(fixture.registry.requestCount(matching: .manifestHeads) == 1)
        }
    }

    // MARK: Broken transfers

    @Test func `a transfer that breaks again and again goes on as long as each brings something`() async throws {
        try await CacheFixture.withRunning { fixture async throws in
            let image = fixture.registry.addSingleImage(repository: "a/b", tag: "v1", layerSizes: [2_000_000])
            // More than is read at once: what is still unread when the connection breaks may be lost.
            fixture.registry.inject(.truncateBody(afterBytes: 200_000), for: .blobGets)
            #expect(try await fixture.bytes("a/b", image.layers[0].digest) == image.layers[0].bytes)
            #expect(fixture.registry.requestCount(matching: .blobGets) >= 10)
        }
    }

    @Test func `a transfer that brings a little each time is given up in the end`() async throws {
        let configuration = Configuration(
            retries: FillRetries(attempts: 3, attemptsInAll: 5, firstPause: .zero, longestPause: .zero))
        try await CacheFixture.withRunning(configuration: configuration) { fixture async throws in
            let image = fixture.registry.addSingleImage(repository: "a/b", tag: "v1", layerSizes: [2_000_000])
            fixture.registry.inject(.truncateBody(afterBytes: 200_000), for: .blobGets)
            await #expect(throws: CacheError.upstream(.truncated)) {
                try await fixture.bytes("a/b", image.layers[0].digest)
            }
            #expect(fixture.registry.requestCount(matching: .blobGets) == 5)
        }
    }
}
