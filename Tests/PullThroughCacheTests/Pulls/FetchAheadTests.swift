import HTTPSemantics
import NIOCore
import OCI
import RegistryTestKit
import Rules
import Testing

@testable import PullThroughCache

@Suite(.timeLimit(.minutes(2))) struct FetchAheadTests {
    @Test
    func `an image's blobs come before they are asked for, and are not fetched again`() async throws {
        try await CacheFixture.withRunning(fetchesAhead: true) { fixture in
            let image = fixture.registry.addSingleImage(
                repository: "a/b", tag: "v1", layerSizes: [30_000, 10_000, 20_000])
            _ = try await fixture.manifest("a/b", "v1")
            try await fixture.registry.waitFor(.finished, count: 4, matching: .blobGets)
            try await fixture.settle()
            fixture.registry.forgetRequests()
            for blob in image.blobs { #expect(try await fixture.bytes("a/b", blob.digest) == blob.bytes) }
            #expect(fixture.registry.requestCount() == 0)
        }
    }

    @Test
    func `an index brings nothing but itself, and the platform pulled brings its own blobs alone`() async throws {
        try await CacheFixture.withRunning(fetchesAhead: true) { fixture in
            let image = fixture.registry.addImage(repository: "a/b", tag: "v1")
            _ = try await fixture.manifest("a/b", "v1")
            _ = try await fixture.manifest("a/b", image.images[1].manifest.digest)
            try await fixture.registry.waitFor(.finished, count: 3, matching: .blobGets)
            try await fixture.settle()
            let fetched = Set(fixture.registry.requests(matching: .blobs).compactMap(\.reference))
            #expect(fetched == Set(image.images[1].blobs.map(\.digest.description)))
        }
    }

    @Test
    func `the smallest come first, and no more at a time than allowed`() async throws {
        let configuration = Configuration(retries: CacheFixture.retries, fetchAheadPerUpstream: 1)
        try await CacheFixture.withRunning(configuration: configuration, fetchesAhead: true) { fixture in
            let image = fixture.registry.addSingleImage(
                repository: "a/b", tag: "v1", layerSizes: [30_000, 10_000, 20_000])
            _ = try await fixture.manifest("a/b", "v1")
            try await fixture.registry.waitFor(.finished, count: 4, matching: .blobGets)
            let order = fixture.registry.requests(matching: .blobGets).compactMap(\.reference)
            #expect(order == image.blobs.sorted { $0.size < $1.size }.map(\.digest.description))
        }
    }

    @Test
    func `a client that asks meanwhile joins what is under way`() async throws {
        try await CacheFixture.withRunning(fetchesAhead: true) { fixture in
            let image = fixture.registry.addSingleImage(repository: "a/b", tag: "v1", layerSizes: [300_000])
            let stall = fixture.registry.inject(
                .stallBody(afterBytes: 100_000), for: .blobGets.of(image.layers[0].digest))
            _ = try await fixture.manifest("a/b", "v1")
            try await stall.waitUntilHolding()
            let answer = try await fixture.blob("a/b", image.layers[0].digest)
            #expect(answer.status.isCollapsed)
            stall.release()
            #expect(try await fixture.read(answer) == image.layers[0].bytes)
            #expect(fixture.registry.requestCount(matching: .blobGets.of(image.layers[0].digest)) == 1)
        }
    }

    @Test
    func `a HEAD brings nothing`() async throws {
        try await CacheFixture.withRunning(fetchesAhead: true) { fixture in
            fixture.registry.addSingleImage(repository: "a/b", tag: "v1")
            _ = try await fixture.manifest("a/b", "v1", isHead: true)
            try await fixture.settle()
            #expect(fixture.registry.requestCount(matching: .blobs) == 0)
        }
    }
}
