import Foundation
import HTTPSemantics
import NIOCore
import OCI
import RegistryTestKit
import Rules
import TestMachine
import Testing
import Timekeeping

@testable import PullThroughCache

@Suite(.timeLimit(.minutes(2))) struct DiskTests {
    @Test
    func `the store falls back to its low watermark, the least recently pulled images going first`() async throws {
        let configuration = Configuration(
            retries: CacheFixture.retries, storeLimit: StoreLimit(cap: .bytes(1_000_000)),
            // None at all would let a collection that runs meanwhile take what a pull has just brought.
            unreferencedGrace: .seconds(5))
        try await CacheFixture.withRunning(configuration: configuration) { fixture in
            var images: [TestImage] = []
            for number in 0..<8 {
                let image = fixture.registry.addImage(repository: "a/app\(number)", tag: "v1", layerSizes: [200_000])
                images.append(image)
                fixture.clock.advance(by: .seconds(10))
                try await fixture.pull("a/app\(number)", "v1", of: image)
                // Before the clock goes on: what is not referred to by then is taken for left over.
                try await fixture.settle()
            }
            fixture.clock.advance(by: .seconds(10))
            // Pulled again, the oldest is the most recent one.
            try await fixture.pull("a/app0", "v1", of: images[0])
            try await fixture.settle()
            _ = try await fixture.cache.collect(isDryRun: false)
            let usage = try fixture.diskUsage()
            #expect(usage <= 850_000, "the disk still holds \(usage) bytes")
            #expect(try await fixture.cache.report().storedBytes == usage)
            fixture.registry.forgetRequests()
            try await fixture.pull("a/app7", "v1", of: images[7])
            #expect(fixture.registry.requestCount() == 0, "the most recent image was evicted")
        }
    }

    @Test
    func `a blob that two repositories share survives the removal of one`() async throws {
        let configuration = Configuration(retries: CacheFixture.retries, unreferencedGrace: .zero)
        try await CacheFixture.withRunning(configuration: configuration) { fixture in
            let image = fixture.registry.addImage(repository: "a/one", tag: "v1", layerSizes: [50_000])
            for child in image.images { fixture.registry.add(child, to: "a/two") }
            fixture.registry.add(manifest: image.index, to: "a/two", tag: "v1")
            try await fixture.pull("a/one", "v1", of: image)
            try await fixture.pull("a/two", "v1", of: image)
            try await fixture.settle()
            let before = try fixture.diskUsage()
            let first = try #require(
                try await fixture.cache.evict(.tag(try Tag("v1")), in: fixture.key("a/one"), isDryRun: false))
            #expect(first.freedBytes == 0)
            #expect(try fixture.diskUsage() == before)
            fixture.registry.forgetRequests()
            try await fixture.pull("a/two", "v1", of: image)
            #expect(fixture.registry.requestCount() == 0)
            try await fixture.settle()
            let planned = try #require(
                try await fixture.cache.evict(.tag(try Tag("v1")), in: fixture.key("a/two"), isDryRun: true))
            #expect(planned.freedBytes == before)
            #expect(try fixture.diskUsage() == before)
            let second = try #require(
                try await fixture.cache.evict(.tag(try Tag("v1")), in: fixture.key("a/two"), isDryRun: false))
            #expect(second.freedBytes == before)
            #expect(try fixture.diskUsage() == 0)
            let again = try await fixture.cache.evict(.tag(try Tag("v1")), in: fixture.key("a/two"), isDryRun: false)
            #expect(again == nil)
            // And what is gone is pulled again.
            try await fixture.pull("a/one", "v1", of: image)
        }
    }

    @Test
    func `a pinned image stays`() async throws {
        let configuration = Configuration(
            retries: CacheFixture.retries, storeLimit: StoreLimit(cap: .bytes(300_000)), unreferencedGrace: .zero)
        try await CacheFixture.withRunning(configuration: configuration) { fixture in
            let pinned = fixture.registry.addImage(repository: "a/pinned", tag: "v1", layerSizes: [200_000])
            try await fixture.cache.setPin(true, on: .tag(try Tag("v1")), in: fixture.key("a/pinned"))
            try await fixture.pull("a/pinned", "v1", of: pinned)
            let other = fixture.registry.addImage(repository: "a/other", tag: "v1", layerSizes: [200_000])
            fixture.clock.advance(by: .seconds(10))
            try await fixture.pull("a/other", "v1", of: other)
            let report = try await fixture.cache.collect(isDryRun: false)
            #expect(report.images.allSatisfy { $0.repository.name.description != "a/pinned" })
            fixture.registry.forgetRequests()
            try await fixture.pull("a/pinned", "v1", of: pinned)
            #expect(fixture.registry.requestCount() == 0)
        }
    }

    @Test
    func `of a repository that blobs are on their way to, what was asked for lately stays`() async throws {
        let limit = StoreLimit(cap: .bytes(210_000))
        let configuration = Configuration(
            retries: CacheFixture.retries, storeLimit: limit, unreferencedGrace: .seconds(600))
        try await CacheFixture.withRunning(configuration: configuration) { fixture in
            func pull(_ tag: String, _ size: Int) async throws -> TestImage.PlatformImage {
                let image = fixture.registry.addSingleImage(repository: "a/app", tag: tag, layerSizes: [size])
                _ = try await fixture.manifest("a/app", tag)
                for blob in image.blobs { #expect(try await fixture.bytes("a/app", blob.digest) == blob.bytes) }
                return image
            }
            let old = try await pull("old", 20_000)
            try await fixture.settle()
            fixture.clock.advance(by: .seconds(700))
            let coming = fixture.registry.addSingleImage(repository: "a/app", tag: "coming", layerSizes: [5000])
            _ = try await fixture.manifest("a/app", "coming")
            let stall = fixture.registry.inject(
                .stallBody(afterBytes: 1000), for: .blobGets.of(coming.layers[0].digest))
            async let bytes = fixture.bytes("a/app", coming.layers[0].digest)
            try await stall.waitUntilHolding()
            // More than the limit, and without the old one still more than the low watermark.
            let recent = try await pull("recent", 180_000)
            // A client has its last byte before the blob has its place.
            try await fixture.settle(leaving: 1)
            _ = try await fixture.cache.collect(isDryRun: false)
            #expect(!FileManager.default.fileExists(atPath: fixture.path(of: old.layers[0].digest)))
            #expect(FileManager.default.fileExists(atPath: fixture.path(of: recent.layers[0].digest)))
            stall.release()
            #expect(try await bytes == coming.layers[0].bytes)
        }
    }

    @Test
    func `a reader keeps what is evicted under its hands`() async throws {
        let configuration = Configuration(retries: CacheFixture.retries, unreferencedGrace: .zero)
        try await CacheFixture.withRunning(configuration: configuration) { fixture in
            let image = fixture.registry.addSingleImage(repository: "a/b", tag: "v1", layerSizes: [300_000])
            _ = try await fixture.manifest("a/b", "v1")
            for blob in image.blobs { _ = try await fixture.bytes("a/b", blob.digest) }
            try await fixture.settle()
            let answer = try await fixture.blob("a/b", image.layers[0].digest)
            _ = try await fixture.cache.evict(.tag(try Tag("v1")), in: fixture.key("a/b"), isDryRun: false)
            #expect(try fixture.diskUsage() == 0)
            #expect(try await fixture.read(answer) == image.layers[0].bytes)
        }
    }

    @Test(.enabled(if: Mounts.areWanted))
    func `a full disk refuses no pull, and no byte is wrong`() async throws {
        try await Mounts.withSmallDisk(size: "2m") { path in
            try await CacheFixture.withRunning(directory: path) { fixture in
                let image = fixture.registry.addSingleImage(
                    repository: "a/b", tag: "v1", layerSizes: [5_000_000, 30_000])
                #expect(try await fixture.manifest("a/b", "v1").bytes == image.manifest.bytes)
                try await withThrowingTaskGroup(of: ByteBuffer.self) { group in
                    for _ in 0..<10 { group.addTask { try await fixture.bytes("a/b", image.layers[0].digest) } }
                    for try await bytes in group { #expect(bytes == image.layers[0].bytes) }
                }
                #expect(try await fixture.bytes("a/b", image.layers[1].digest) == image.layers[1].bytes)
            }
        }
    }

    @Test(.enabled(if: Mounts.areWanted))
    func `a full disk makes room for what is pulled by evicting what is old`() async throws {
        try await Mounts.withSmallDisk(size: "4m") { path in
            let configuration = Configuration(
                retries: CacheFixture.retries, storeLimit: StoreLimit(cap: .percentOfFilesystem(100)),
                unreferencedGrace: .seconds(5))
            try await CacheFixture.withRunning(directory: path, configuration: configuration) { fixture in
                for number in 0..<6 {
                    let image = fixture.registry.addSingleImage(
                        repository: "a/b\(number)", tag: "v1", layerSizes: [1_000_000])
                    fixture.clock.advance(by: .seconds(700))
                    _ = try await fixture.manifest("a/b\(number)", "v1")
                    for blob in image.blobs {
                        #expect(try await fixture.bytes("a/b\(number)", blob.digest) == blob.bytes)
                    }
                    try await fixture.settle()
                    fixture.registry.forgetRequests()
                    for blob in image.blobs { _ = try await fixture.bytes("a/b\(number)", blob.digest) }
                    #expect(fixture.registry.requestCount() == 0, "image \(number) was not kept")
                }
            }
        }
    }

    @Test(.enabled(if: Mounts.areWanted))
    func `a read-only disk still serves what it has, and passes the rest through`() async throws {
        let registry = try await TestRegistry.start()
        let kept = registry.addSingleImage(repository: "a/kept", tag: "v1", layerSizes: [100_000])
        let image = registry.addSingleImage(repository: "a/b", tag: "v1", layerSizes: [1_000_000])
        try await Mounts.withSmallDisk(size: "8m") { path in
            try await CacheFixture.withRunning(registry: registry, directory: path) { fixture in
                _ = try await fixture.manifest("a/kept", "v1")
                for blob in kept.blobs { _ = try await fixture.bytes("a/kept", blob.digest) }
                try await fixture.settle()
            }
            try await Mounts.remount(path, readOnly: true)
            try await CacheFixture.withRunning(registry: registry, directory: path) { fixture in
                let answer = try await fixture.manifest("a/b", "v1")
                #expect(answer.bytes == image.manifest.bytes)
                for blob in image.blobs { #expect(try await fixture.bytes("a/b", blob.digest) == blob.bytes) }
                registry.forgetRequests()
                #expect(try await fixture.manifest("a/kept", "v1").bytes == kept.manifest.bytes)
                for blob in kept.blobs { #expect(try await fixture.bytes("a/kept", blob.digest) == blob.bytes) }
                #expect(registry.requestCount() == 0)
            }
        }
        await registry.stop()
    }

    @Test(arguments: [true, false])
    func `a blob that is larger than the store may be passes through, and drives nothing out`(
        isNamedByManifest: Bool
    ) async throws {
        let configuration = Configuration(
            retries: CacheFixture.retries, storeLimit: StoreLimit(cap: .bytes(400_000)), unreferencedGrace: .zero)
        try await CacheFixture.withRunning(configuration: configuration) { fixture in
            let kept = fixture.registry.addSingleImage(repository: "a/kept", tag: "v1", layerSizes: [100_000])
            let large = fixture.registry.addSingleImage(repository: "a/large", tag: "v1", layerSizes: [500_000])
            for (name, image) in [("a/kept", kept), ("a/large", large)] {
                if name == "a/kept" || isNamedByManifest { _ = try await fixture.manifest(name, "v1") }
                for blob in image.blobs { #expect(try await fixture.bytes(name, blob.digest) == blob.bytes) }
            }
            try await fixture.settle()
            _ = try await fixture.cache.collect(isDryRun: false)
            fixture.registry.forgetRequests()
            for blob in kept.blobs { #expect(try await fixture.bytes("a/kept", blob.digest) == blob.bytes) }
            #expect(fixture.registry.requestCount() == 0)
        }
    }
}
