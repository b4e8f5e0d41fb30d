import FilesystemBlobStore
import MetadataStore
import OCI
import RegistryTestKit
import Rules
import Synchronization
import Testing
import Timekeeping
import Upstream

@testable import PullThroughCache

@Suite(.timeLimit(.minutes(2)))
struct PlanningTests {
    private let repository = "library/nginx"
    private let amd64 = PlatformSelection.some([Platform(os: "linux", architecture: "amd64")])

    private func plan(
        _ fixture: CacheFixture, _ reference: String, _ platforms: PlatformSelection, asks: Bool = false
    ) async throws -> PullPlan {
        try await fixture.cache.plan(
            try ManifestReference(reference), in: try fixture.key(repository), rule: fixture.rule,
            platforms: platforms, asksUpstream: asks)
    }

    @Test func `what was never seen is a guess, and a HEAD makes it certain`() async throws {
        try await CacheFixture.withRunning { fixture in
            fixture.registry.addImage(repository: repository, tag: "1.27")
            fixture.registry.addSingleImage(repository: repository, tag: "plain")
            let guess = try await plan(fixture, "1.27", amd64)
            #expect(guess.holding == .absent)
            #expect(guess.pulls == 2 && !guess.arePullsExact && !guess.areBytesKnown)
            #expect(fixture.registry.requestCount() == 0)
            let asked = try await plan(fixture, "1.27", amd64, asks: true)
            #expect(asked.pulls == 2 && asked.arePullsExact && asked.digest != nil)
            let plain = try await plan(fixture, "plain", amd64, asks: true)
            #expect(plain.pulls == 1 && plain.arePullsExact)
            #expect(try await plan(fixture, "none", amd64, asks: true).holding == .unknown)
            #expect(fixture.registry.requestCount(matching: .manifestGets) == 0)
        }
    }

    @Test func `what is cached costs nothing, and what is missing is told in bytes`() async throws {
        try await CacheFixture.withRunning { fixture in
            let image = fixture.registry.addImage(repository: repository, tag: "1.27", layerSizes: [1000, 50_000])
            _ = try await fixture.manifest(repository, "1.27")
            _ = try await fixture.manifest(repository, image.images[0].manifest.digest)
            let before = try await plan(fixture, "1.27", amd64)
            #expect(before.holding == .partly)
            #expect(before.pulls == 0 && before.arePullsExact && before.areBytesKnown)
            #expect(before.missing.count == 3)
            #expect(before.missingBytes == image.images[0].blobs.reduce(0) { $0 + Int64($1.size) })
            let all = try await plan(fixture, "1.27", .all)
            #expect(all.pulls == 1 && !all.areBytesKnown)
            try await fixture.pull(repository, "1.27", of: image)
            try await fixture.settle()
            let after = try await plan(fixture, "1.27", amd64)
            #expect(after.holding == .cached)
            #expect(after.storedBytes == before.missingBytes)
            #expect(try await plan(fixture, "\(image.index.digest)", amd64).holding == .cached)
        }
    }

    @Test func `a platform that an image has not is named`() async throws {
        try await CacheFixture.withRunning { fixture in
            fixture.registry.addImage(repository: repository, tag: "1.27")
            _ = try await fixture.manifest(repository, "1.27")
            let wanted = Platform(os: "linux", architecture: "s390x")
            #expect(try await plan(fixture, "1.27", .some([wanted])).absentPlatforms == [wanted])
        }
    }

    // MARK: Warming

    private func warm(
        _ fixture: CacheFixture, _ reference: String, _ platforms: PlatformSelection
    ) async throws -> WarmingProgress {
        let last = Mutex(WarmingProgress())
        _ = try await fixture.cache.warm(
            try ManifestReference(reference), in: try fixture.key(repository), rule: fixture.rule,
            platforms: platforms
        ) { progress in last.withLock { $0 = progress } }
        return last.withLock { $0 }
    }

    @Test func `warming makes an image answer without its upstream, and repeating it costs nothing`() async throws {
        try await CacheFixture.withRunning { fixture in
            let image = fixture.registry.addImage(repository: repository, tag: "1.27")
            let first = try await warm(fixture, "1.27", amd64)
            let size = image.images[0].blobs.reduce(0) { $0 + Int64($1.size) }
            #expect(first.pulls == 2)
            #expect(first.totalBytes == size && first.presentBytes == size && first.fetchedBytes == size)
            #expect(first.blobCount == 3 && first.presentBlobCount == 3)
            try await fixture.settle()
            fixture.registry.forgetRequests()
            let second = try await warm(fixture, "1.27", amd64)
            #expect(second.pulls == 0 && second.fetchedBytes == 0 && second.presentBytes == size)
            #expect(fixture.registry.requestCount() == 0)
            await fixture.registry.goDown()
            try await fixture.pull(repository, "1.27", of: image)
            let sums = try await fixture.cache.spend(by: .client, since: fixture.clock.now(), limit: 9)
            #expect(sums.map(\.spender) == [.weir(.warm)])
            #expect(sums.map(\.pulls) == [2])
        }
    }

    @Test func `what was warmed is in the store when that is told`() async throws {
        try await CacheFixture.withRunning { fixture in
            let image = fixture.registry.addImage(repository: repository, tag: "1.27", layerSizes: [5000, 200_000])
            _ = try await warm(fixture, "1.27", amd64)
            let digests = [image.index.digest, image.images[0].manifest.digest] + image.images[0].blobs.map(\.digest)
            for digest in digests { #expect(try await fixture.store.open(digest) != nil) }
        }
    }

    @Test func `an image of which the store does not take everything is not told to be warm`() async throws {
        let configuration = Configuration(
            retries: CacheFixture.retries, storeLimit: StoreLimit(cap: .bytes(400_000)), unreferencedGrace: .zero)
        try await CacheFixture.withRunning(configuration: configuration) { fixture in
            let image = fixture.registry.addSingleImage(repository: repository, tag: "1.27", layerSizes: [500_000])
            for _ in 0..<2 {
                await #expect(throws: WarmingError.notKept(image.layers[0].digest, bytes: 500_000)) {
                    try await warm(fixture, "1.27", .all)
                }
            }
        }
    }

    @Test func `every platform is warmed where all are wanted`() async throws {
        try await CacheFixture.withRunning { fixture in
            let image = fixture.registry.addImage(repository: repository, tag: "1.27")
            let progress = try await warm(fixture, "1.27", .all)
            #expect(progress.pulls == 3)
            #expect(progress.blobCount == image.blobs.count)
        }
    }

    @Test func `a warming that was broken off goes on with what is missing`() async throws {
        try await CacheFixture.withRunning { fixture in
            let image = fixture.registry.addImage(repository: repository, tag: "1.27", layerSizes: [5000, 200_000])
            let large = image.images[0].layers[1].digest
            let stall = fixture.registry.inject(.stallBody(afterBytes: 1000), for: .blobGets.of(large))
            let broken = Task { try await warm(fixture, "1.27", amd64) }
            try await stall.waitUntilHolding()
            broken.cancel()
            await #expect(throws: (any Error).self) { try await broken.value }
            stall.release()
            let again = try await warm(fixture, "1.27", amd64)
            #expect(again.pulls == 0)
            #expect(again.presentBlobCount == 3)
            // The transfer belonged to the cache, and was not begun again.
            #expect(fixture.registry.requestCount(matching: .blobGets.of(large)) == 1)
        }
    }

    @Test func `an image without the platform is refused, and a spent limit is told`() async throws {
        try await CacheFixture.withRunning { fixture in
            fixture.registry.addImage(repository: repository, tag: "1.27")
            let wanted = Platform(os: "linux", architecture: "s390x")
            await #expect(throws: WarmingError.platformsAbsent([wanted])) {
                try await warm(fixture, "1.27", .some([wanted]))
            }
            fixture.registry.rateLimit = RateLimit(remaining: 0)
            await #expect(throws: CacheError.upstream(.rateLimited(.pull, retryAfter: nil))) {
                try await warm(fixture, "1.28", amd64)
            }
        }
    }

    @Test(
        arguments: [
            ("linux/arm64", ["linux/arm64"]), ("linux/arm64/v8", ["linux/arm64"]), ("linux/arm", ["linux/arm/v7"]),
            ("linux/arm/v6", []), ("linux/amd64/v2", []), ("windows/amd64", []),
        ] as [(String, [String])])
    func `a platform is matched with or without its variant`(_ wanted: String, _ matched: [String]) throws {
        let children = try ["linux/amd64", "linux/arm64", "linux/arm/v7", "unknown/unknown"].enumerated().map {
            "{\"mediaType\":\"\(MediaType.ociManifest)\",\"digest\":\"sha256:\(String(repeating: "\($0.offset)", count: 64))\","
                + "\"size\":1,\"platform\":{\"os\":\"\(try part($0.element, 0))\",\"architecture\":\"\(try part($0.element, 1))\""
                + "\((try? part($0.element, 2)).map { ",\"variant\":\"\($0)\"" } ?? "")}}"
        }
        let text = "{\"schemaVersion\":2,\"manifests\":[\(children.joined(separator: ","))]}"
        let index = try Manifest(
            parsing: text.utf8, declared: .ociIndex, digest: DigestHasher.digest(of: text.utf8, .sha256))
        let selection = PlatformSelection.some([try #require(Platform(wanted))])
        #expect(selection.children(of: index).compactMap { $0.platform?.description } == matched)
        #expect(selection.absent(from: index).isEmpty == !matched.isEmpty)
        #expect(PlatformSelection.all.children(of: index).count == 4)
    }

    private func part(_ text: String, _ index: Int) throws -> String {
        let parts = text.split(separator: "/")
        try #require(parts.count > index || index == 2)
        guard parts.count > index else { throw CacheError.cancelled }
        return String(parts[index])
    }
}
