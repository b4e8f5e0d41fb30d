import HTTPSemantics
import NIOCore
import OCI
import RegistryTestKit
import Rules
import Testing
import Timekeeping
import Upstream

@testable import PullThroughCache

/// What one repository's pulls mean for another's.
@Suite(.timeLimit(.minutes(2))) struct SharingTests {
    @Test
    func `a repository that races with another one for a blob it does not hold gets nothing`() async throws {
        try await CacheFixture.withRunning { fixture in
            fixture.registry.addSingleImage(repository: "evil/app", tag: "v1")
            for _ in 0..<40 {
                let content = TestContent.random(count: 20_000)
                fixture.registry.add(blob: content.bytes, to: "good/app")
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for index in 0..<10 {
                        group.addTask {
                            if index.isMultiple(of: 2) {
                                let bytes = try await fixture.bytes("good/app", content.digest)
                                #expect(bytes == content.bytes)
                            } else {
                                await #expect(throws: CacheError.blobUnknown) {
                                    try await fixture.bytes("evil/app", content.digest)
                                }
                            }
                        }
                    }
                    try await group.waitForAll()
                }
            }
        }
    }

    @Test
    func `a manifest that lies about a blob's size spoils it for no other repository`() async throws {
        try await CacheFixture.withRunning { fixture in
            let honest = fixture.registry.addSingleImage(repository: "good/app", tag: "v1", layerSizes: [200_000])
            let layer = honest.layers[0]
            let lying = TestContent(
                ByteBuffer(
                    string: #"{"schemaVersion":2,"mediaType":"\#(MediaType.ociManifest)","#
                        + #""config":\#(honest.config.descriptor()),"layers":[{"mediaType":"\#(layer.mediaType)","#
                        + #""digest":"\#(layer.digest)","size":7}]}"#), mediaType: .ociManifest)
            fixture.registry.add(blob: layer.bytes, to: "evil/app")
            fixture.registry.add(manifest: lying, to: "evil/app", tag: "v1")
            _ = try await fixture.manifest("evil/app", "v1")
            _ = try await fixture.manifest("good/app", "v1")
            let stall = fixture.registry.inject(.stallBeforeHead, for: .blobGets.first(1))
            let liar = Task { _ = try await fixture.blob("evil/app", layer.digest) }
            try await stall.waitUntilHolding()
            let honestBytes = Task { try await fixture.bytes("good/app", layer.digest) }
            stall.release()
            await #expect(throws: CacheError.self) { try await liar.value }
            let bytes = try await honestBytes.value
            #expect(bytes == layer.bytes)
        }
    }

    @Test
    func `two rules share no transfer`() async throws {
        try await CacheFixture.withRunning(otherRules: ["second"]) { fixture in
            let image = fixture.registry.addSingleImage(repository: "a/b", tag: "v1", layerSizes: [100_000])
            var second = fixture
            second.rule = Rule(name: try RuleName("second"))
            _ = try await fixture.manifest("a/b", "v1")
            _ = try await second.manifest("a/b", "v1")
            let stall = fixture.registry.inject(.stallBody(afterBytes: 50_000), for: .blobGets)
            async let first = fixture.bytes("a/b", image.layers[0].digest)
            try await stall.waitUntilHolding(1)
            async let other = second.bytes("a/b", image.layers[0].digest)
            try await stall.waitUntilHolding(2)
            stall.release()
            #expect(try await first == image.layers[0].bytes)
            #expect(try await other == image.layers[0].bytes)
        }
    }

    @Test
    func `a pause after a failure that must be passed on serves nothing stale`() async throws {
        try await CacheFixture.withRunning(outage: OutagePolicy(serverError: .passOn)) { fixture in
            fixture.registry.addImage(repository: "a/b", tag: "latest")
            _ = try await fixture.manifest("a/b", "latest")
            try await fixture.settle()
            fixture.registry.inject(.status(500), for: .manifests)
            fixture.clock.advance(by: .seconds(400))
            for _ in 0..<3 {
                await #expect(throws: CacheError.upstream(.serverError(status: 500, retryAfter: nil))) {
                    try await fixture.manifest("a/b", "latest")
                }
            }
        }
    }

    @Test
    func `a tag that the upstream says is gone is no longer fresh`() async throws {
        try await CacheFixture.withRunning(outage: OutagePolicy(notFound: .passOn)) { fixture in
            let image = fixture.registry.addImage(repository: "a/b", tag: "1.2.3")
            _ = try await fixture.manifest("a/b", "1.2.3")
            try await fixture.settle()
            fixture.registry.move(tag: "1.2.3", of: "a/b", to: nil)
            await #expect(throws: CacheError.manifestUnknown) {
                try await fixture.manifest("a/b", "1.2.3", refresh: true)
            }
            await #expect(throws: CacheError.manifestUnknown) { try await fixture.manifest("a/b", "1.2.3") }
            fixture.clock.advance(by: .seconds(60))
            await #expect(throws: CacheError.manifestUnknown) { try await fixture.manifest("a/b", "1.2.3") }
            fixture.registry.move(tag: "1.2.3", of: "a/b", to: image.index.digest)
            fixture.clock.advance(by: .seconds(60))
            let answer = try await fixture.manifest("a/b", "1.2.3")
            #expect(answer.bytes == image.index.bytes)
        }
    }

    @Test
    func `an outage with no referrers known is an error, and not an empty list`() async throws {
        try await CacheFixture.withRunning { fixture in
            let image = fixture.registry.addSingleImage(repository: "a/b", tag: "v1")
            _ = try await fixture.manifest("a/b", "v1")
            await fixture.registry.goDown()
            await #expect(throws: CacheError.self) {
                try await fixture.cache.referrers(
                    ReferrersRequest(
                        rule: fixture.rule, repository: try fixture.key("a/b"), subject: image.manifest.digest,
                        artifactType: nil))
            }
        }
    }
}
