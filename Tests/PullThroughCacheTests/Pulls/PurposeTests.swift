import HTTPSemantics
import MetadataStore
import OCI
import RegistryTestKit
import Rules
import Testing
import Timekeeping
import Upstream

@testable import PullThroughCache

/// What is fetched for which purpose, and what clients get where the budget does not pay for one of them.
@Suite(.timeLimit(.minutes(2)))
struct PurposeTests {
    private let nginx = "library/nginx"
    private static let soon = FreshnessPolicy(moving: .seconds(60), minor: .seconds(60), exact: .seconds(60))

    private func withRunning(
        freshness: FreshnessPolicy = soon, outage: OutagePolicy = OutagePolicy(),
        _ body: @Sendable (CacheFixture, BudgetedUpstream) async throws -> Void
    ) async throws {
        let upstream = BudgetedUpstream()
        try await CacheFixture.withRunning(freshness: freshness, outage: outage, wrapping: upstream.wrapping) {
            try await body($0, upstream)
        }
    }

    @Test func `what was never cached is a first pull, by tag and by digest, and a tag that moved is an update`()
        async throws
    {
        try await withRunning { fixture, upstream in
            let image = fixture.registry.addImage(repository: nginx, tag: "1.27")
            _ = try await fixture.manifest(nginx, "1.27")
            _ = try await fixture.manifest(nginx, image.images[0].manifest.digest)
            #expect(upstream.takePurposes() == [.first, .first])
            fixture.registry.addImage(repository: nginx, tag: "1.27")
            fixture.clock.advance(by: .seconds(90))
            _ = try await fixture.manifest(nginx, "1.27")
            #expect(upstream.takePurposes() == [.update])
        }
    }

    @Test func `a tag whose manifest is stored no longer has nothing to stand in, and is a first pull again`()
        async throws
    {
        try await withRunning { fixture, upstream in
            fixture.registry.addImage(repository: nginx, tag: "1.27")
            _ = try await fixture.manifest(nginx, "1.27", isHead: true)
            fixture.clock.advance(by: .seconds(90))
            _ = try await fixture.manifest(nginx, "1.27")
            #expect(upstream.takePurposes() == [.first])
        }
    }

    @Test func `a HEAD tells of nothing newer that the budget does not pay for`() async throws {
        try await withRunning { fixture, upstream in
            let old = fixture.registry.addImage(repository: nginx, tag: "1.27")
            try await fixture.pull(nginx, "1.27", of: old)
            try await fixture.settle()
            let new = fixture.registry.addImage(repository: nginx, tag: "1.27")
            fixture.clock.advance(by: .seconds(90))
            upstream.refuse([.update, .background])
            // The HEAD that asks, and the next ones, which know.
            for _ in 0..<3 {
                let answer = try await fixture.manifest(nginx, "1.27", isHead: true)
                #expect(answer.digest == old.index.digest)
                #expect(answer.status.detail == "rate-limited")
            }
            try await fixture.pull(nginx, "1.27", of: old)
            upstream.refuse([])
            #expect(try await fixture.manifest(nginx, "1.27", isHead: true).digest == new.index.digest)
            try await fixture.pull(nginx, "1.27", of: new)
        }
    }

    @Test func `where the rule passes the limit on, a HEAD tells what is true`() async throws {
        let outage = OutagePolicy(rateLimited: .passOn)
        try await withRunning(outage: outage) { fixture, upstream in
            let old = fixture.registry.addImage(repository: nginx, tag: "1.27")
            try await fixture.pull(nginx, "1.27", of: old)
            let new = fixture.registry.addImage(repository: nginx, tag: "1.27")
            fixture.clock.advance(by: .seconds(90))
            upstream.refuse([.update])
            #expect(try await fixture.manifest(nginx, "1.27", isHead: true).digest == new.index.digest)
        }
    }

    @Test func `an image of which nothing is stored is told of, whatever is left`() async throws {
        try await withRunning { fixture, upstream in
            let image = fixture.registry.addImage(repository: nginx, tag: "1.27")
            upstream.refuse([.update, .background])
            for _ in 0..<2 {
                #expect(try await fixture.manifest(nginx, "1.27", isHead: true).digest == image.index.digest)
            }
            // The reserve is for this.
            try await fixture.pull(nginx, "1.27", of: image)
        }
    }

    @Test func `what Weir fetches by itself is background, first or not`() async throws {
        var freshness = Self.soon
        freshness.staleWhileRevalidate = .seconds(600)
        try await withRunning(freshness: freshness) { fixture, upstream in
            let image = fixture.registry.addImage(repository: nginx, tag: "1.27")
            let platform = PlatformSelection.some([Platform(os: "linux", architecture: "amd64")])
            func warm() async throws {
                _ = try await fixture.cache.warm(
                    try ManifestReference("1.27"), in: try fixture.key(nginx), rule: fixture.rule,
                    platforms: platform
                ) { _ in }
            }
            upstream.refuse([.background])
            await #expect(throws: CacheError.self) { try await warm() }
            #expect(upstream.takePurposes() == [.background])
            // A client may have it all the same, and then it is warm.
            try await fixture.pull(nginx, "1.27", of: image)
            #expect(upstream.takePurposes() == [.first, .first])
            try await warm()
            #expect(upstream.takePurposes() == [])
            // It moves, and is confirmed behind a client's back.
            fixture.registry.addImage(repository: nginx, tag: "1.27")
            fixture.clock.advance(by: .seconds(90))
            _ = try await fixture.manifest(nginx, "1.27")
            var purposes: [PullPurpose] = []
            while purposes.isEmpty {
                await Task.yield()
                purposes = upstream.takePurposes()
            }
            #expect(purposes == [.background])
            _ = try await fixture.cache.manifest(
                ManifestRequest(
                    rule: fixture.rule, repository: try fixture.key(nginx), reference: try ManifestReference("1.27"),
                    requiresRevalidation: true, client: .weir(.refresh)))
        }
    }

    @Test func `a client that waited for what Weir may not fetch asks with its own claim`() async throws {
        try await withRunning { fixture, upstream in
            let image = fixture.registry.addSingleImage(repository: nginx, tag: "1.27")
            // The HEAD before the fetch holds the question open, so that the client finds it under way.
            _ = try await fixture.manifest(nginx, "1.27", isHead: true)
            fixture.clock.advance(by: .seconds(90))
            upstream.refuse([.background])
            let stall = fixture.registry.inject(.stallBeforeHead, for: .manifestHeads)
            let warming = Task {
                _ = try await fixture.cache.warm(
                    try ManifestReference("1.27"), in: try fixture.key(nginx), rule: fixture.rule, platforms: .all
                ) { _ in }
            }
            try await stall.waitUntilHolding()
            let pulling = Task { try await fixture.manifest(nginx, "1.27") }
            while fixture.cache.manifests.resolver.waiterCount < 2 { await Task.yield() }
            stall.release()
            await #expect(throws: CacheError.self) { try await warming.value }
            #expect(try await pulling.value.digest == image.manifest.digest)
            #expect(upstream.takePurposes() == [.background, .first])
        }
    }
}
