import MetadataStore
import OCI
import RegistryTestKit
import Rules
import SQLiteMetadataStore
import Testing
import Timekeeping

@testable import PullThroughCache

@Suite(.timeLimit(.minutes(2))) struct SurvivalTests {
    private func survival(
        _ fixture: CacheFixture, _ reference: String, running: Digest? = nil, platforms: [String] = []
    ) async throws -> Survival {
        try await fixture.cache.survival(
            of: try ManifestReference(reference), in: try fixture.key("a/b"), rule: fixture.rule, running: running,
            platforms: platforms.compactMap { Platform($0) })
    }

    @Test
    func `an image survives once everything of its platform is here`() async throws {
        try await CacheFixture.withRunning { fixture in
            let image = fixture.registry.addImage(repository: "a/b", tag: "1", layerSizes: [1000, 2000])
            let child = image.images[0]
            #expect(try await survival(fixture, "1").obstacles == [.tagUnknown])
            #expect(try await survival(fixture, image.index.digest.description).obstacles == [.manifestMissing])
            _ = try await fixture.manifest("a/b", "1")
            try await fixture.settle()
            let known = child.platform
            let platform = known.description
            #expect(
                try await survival(fixture, "1", platforms: [platform]).obstacles == [.platformManifestMissing(known)])
            _ = try await fixture.manifest("a/b", child.manifest.digest)
            _ = try await fixture.bytes("a/b", child.layers[0].digest)
            try await fixture.settle()
            #expect(
                try await survival(fixture, "1", platforms: [platform]).obstacles == [
                    .blobsMissing(known, count: 2, bytes: Int64(child.layers[1].size + child.config.size))
                ])
            try await fixture.pull("a/b", "1", of: image)
            try await fixture.settle()
            await fixture.registry.goDown()
            for platforms in [[], [platform]] {
                #expect(try await survival(fixture, "1", platforms: platforms).obstacles == [])
            }
            #expect(
                try await survival(fixture, "1", platforms: [platform, "plan9/mips"]).obstacles == [
                    .platformMissing(Platform(os: "plan9", architecture: "mips"))
                ])
        }
    }

    @Test
    func `a tag that has moved, or may not be served any more, is told`() async throws {
        var outage = OutagePolicy()
        outage.unreachable = .serveStale(maximumAge: .seconds(86_400))
        try await CacheFixture.withRunning(outage: outage) { fixture in
            let image = fixture.registry.addImage(repository: "a/b", tag: "1", layerSizes: [10])
            try await fixture.pull("a/b", "1", of: image)
            try await fixture.settle()
            #expect(try await survival(fixture, "1", running: image.index.digest).isOtherContent == false)
            #expect(try await survival(fixture, "1", running: image.images[0].manifest.digest).isOtherContent == false)
            #expect(try await survival(fixture, "1", running: DigestHasher.digest(of: "x".utf8)).isOtherContent)
            fixture.clock.advance(by: .seconds(90_000))
            #expect(try await survival(fixture, "1").obstacles == [.tooOld])
            #expect(try await survival(fixture, image.index.digest.description).obstacles == [])
        }
    }

    @Test
    func `leased images are not evicted until their lease is over`() async throws {
        let configuration = Configuration(
            retries: CacheFixture.retries, storeLimit: StoreLimit(cap: .bytes(500_000)), unreferencedGrace: .zero)
        try await CacheFixture.withRunning(configuration: configuration) { fixture in
            let key = try fixture.key("a/b")
            let lease = PinRecord(repository: key, reference: .tag(try Tag("t1")))
            try await fixture.metadata.putLeases([lease], holder: "c", until: fixture.clock.now() + .seconds(3600))
            for number in 1...3 {
                let image = fixture.registry.addImage(repository: "a/b", tag: "t\(number)", layerSizes: [200_000])
                try await fixture.pull("a/b", "t\(number)", of: image)
                fixture.clock.advance(by: .seconds(10))
                try await fixture.settle()
            }
            _ = try await fixture.cache.collect(isDryRun: false)
            let left = try await fixture.metadata.images(limit: 9)
            #expect(left.flatMap(\.tags).map(\.description) == ["t1", "t3"])
            #expect(left.map(\.isLeased) == [true, false])
            let explained = try await fixture.cache.explain(lease.reference, in: key, rule: fixture.rule)
            #expect(explained.leasedUntil == fixture.clock.now() + .seconds(3570))
            fixture.clock.advance(by: .seconds(3600))
            let image = fixture.registry.addImage(repository: "a/b", tag: "t4", layerSizes: [200_000])
            try await fixture.pull("a/b", "t4", of: image)
            try await fixture.settle()
            _ = try await fixture.cache.collect(isDryRun: false)
            #expect(try await fixture.metadata.leases(in: nil) == [])
            #expect(try await fixture.metadata.images(limit: 9).flatMap(\.tags).map(\.description) == ["t3", "t4"])
        }
    }
}
