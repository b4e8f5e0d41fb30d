import OCI
import RegistryTestKit
import Rules
import Testing
import Timekeeping

@testable import PullThroughCache

@Suite(.timeLimit(.minutes(2))) struct ExplanationTests {
    private func explain(_ fixture: CacheFixture, _ reference: String) async throws -> Explanation {
        try await fixture.cache.explain(
            try ManifestReference(reference), in: try fixture.key("a/b"), rule: fixture.rule)
    }

    @Test
    func `a pull is explained before and after it, without asking anybody`() async throws {
        try await CacheFixture.withRunning { fixture in
            let image = fixture.registry.addImage(repository: "a/b", tag: "latest", layerSizes: [1000, 2000])
            let unknown = try await explain(fixture, "latest")
            #expect(unknown.digest == nil && unknown.freshness == .unknown)
            #expect(unknown.upstreamCalls == ["GET manifests/latest"] && unknown.pullCost == 1)

            _ = try await fixture.manifest("a/b", "latest")
            let indexOnly = try await explain(fixture, "latest")
            #expect(indexOnly.digest == image.index.digest && indexOnly.isManifestStored)
            #expect(indexOnly.freshness == .fresh(until: fixture.clock.now() + .seconds(300)))
            #expect(indexOnly.pullCost == 1, "the platform's own manifest has yet to be pulled")

            let child = image.images[0]
            _ = try await fixture.manifest("a/b", child.manifest.digest)
            _ = try await fixture.bytes("a/b", child.layers[0].digest)
            try await fixture.settle()
            let partial = try await explain(fixture, "latest")
            #expect(partial.blobCount == 3 && partial.storedBlobCount == 1)
            #expect(partial.missingBytes == Int64(child.layers[1].size + child.config.size))
            #expect(partial.pullCost == 0)

            fixture.clock.advance(by: .seconds(400))
            let stale = try await explain(fixture, "latest")
            #expect(stale.freshness == .stale(since: fixture.clock.now() - .seconds(100)))
            #expect(stale.upstreamCalls.first == "HEAD manifests/latest")
            #expect(stale.pullCost == 0)
            fixture.registry.forgetRequests()
            let byDigest = try await explain(fixture, image.index.digest.description)
            #expect(byDigest.freshness == .immutable)
            #expect(fixture.registry.requestCount() == 0)
        }
    }
}
