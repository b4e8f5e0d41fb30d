import HTTPSemantics
import NIOCore
import OCI
import RegistryTestKit
import Rules
import TestMachine
import Testing
import Timekeeping
import Upstream

@testable import PullThroughCache

@Suite(.timeLimit(.minutes(2))) struct ManifestPullTests {
    @Test
    func `a tag is fetched once, is then a hit, and is confirmed by HEAD alone when it is stale`() async throws {
        try await CacheFixture.withRunning { fixture in
            let image = fixture.registry.addImage(repository: "library/x", tag: "latest")
            let cold = try await fixture.manifest("library/x", "latest")
            #expect(cold.bytes == image.index.bytes)
            #expect(cold.digest == image.index.digest)
            #expect(cold.mediaType == .ociIndex)
            #expect(cold.status.forward == .uriMiss && cold.status.isStored)
            let warm = try await fixture.manifest("library/x", "latest")
            #expect(warm.bytes == image.index.bytes)
            #expect(warm.status.isHit && warm.status.ttl == 300)
            #expect(fixture.registry.requests(matching: .manifests).map(\.method) == ["GET"])

            fixture.clock.advance(by: .seconds(301))
            let confirmed = try await fixture.manifest("library/x", "latest")
            #expect(confirmed.bytes == image.index.bytes)
            #expect(!confirmed.status.isHit && confirmed.status.forward == .stale)
            #expect(fixture.registry.requests(matching: .manifests).map(\.method) == ["GET", "HEAD"])
            #expect(try await fixture.manifest("library/x", "latest").status.isHit)
        }
    }

    @Test
    func `a tag that moved is fetched by digest after one HEAD`() async throws {
        try await CacheFixture.withRunning { fixture in
            fixture.registry.addImage(repository: "a/b", tag: "latest")
            _ = try await fixture.manifest("a/b", "latest")
            let newer = fixture.registry.addImage(repository: "a/b", tag: "latest")
            fixture.clock.advance(by: .seconds(301))
            fixture.registry.forgetRequests()
            #expect(try await fixture.manifest("a/b", "latest").bytes == newer.index.bytes)
            let requests = fixture.registry.requests(matching: .manifests)
            #expect(requests.map(\.method) == ["HEAD", "GET"])
            #expect(requests.last?.reference == newer.index.digest.description)
        }
    }

    @Test
    func `a HEAD causes no fill, and the tag it resolved is served offline once its manifest was pulled by digest`()
        async throws
    {
        try await CacheFixture.withRunning { fixture in
            let image = fixture.registry.addImage(repository: "a/b", tag: "v1")
            let head = try await fixture.manifest("a/b", "v1", isHead: true)
            #expect(head.digest == image.index.digest)
            #expect(head.size == Int64(image.index.size))
            #expect(head.bytes == nil)
            #expect(fixture.registry.requestCount(matching: .manifestGets) == 0)
            _ = try await fixture.manifest("a/b", image.index.digest)
            #expect(fixture.registry.requestCount(matching: .manifestGets) == 1)
            await fixture.registry.goDown()
            fixture.clock.advance(by: .seconds(100_000))
            let stale = try await fixture.manifest("a/b", "v1")
            #expect(stale.bytes == image.index.bytes)
            #expect(stale.status.detail == "unreachable")
        }
    }

    @Test
    func `what a HEAD found newer does not displace what can be served when the upstream is gone`() async throws {
        try await CacheFixture.withRunning { fixture in
            let old = fixture.registry.addImage(repository: "a/b", tag: "latest")
            _ = try await fixture.manifest("a/b", "latest")
            try await fixture.settle()
            let new = fixture.registry.addImage(repository: "a/b", tag: "latest")
            fixture.clock.advance(by: .seconds(301))
            #expect(try await fixture.manifest("a/b", "latest", isHead: true).digest == new.index.digest)
            await fixture.registry.goDown()
            #expect(try await fixture.manifest("a/b", "latest").bytes == old.index.bytes)
        }
    }

    @Test
    func `fifty clients cause one request`() async throws {
        try await CacheFixture.withRunning { fixture in
            let image = fixture.registry.addImage(repository: "a/b", tag: "latest")
            let stall = fixture.registry.inject(.stallBeforeHead, for: .manifestGets)
            let answers = try await withThrowingTaskGroup(of: ManifestAnswer.self) { group in
                for _ in 0..<50 { group.addTask { try await fixture.manifest("a/b", "latest") } }
                try await stall.waitUntilHolding()
                stall.release()
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(answers.allSatisfy { $0.bytes == image.index.bytes })
            #expect(fixture.registry.requestCount(matching: .manifests) == 1)
        }
    }

    @Test
    func `an answer past its lifetime is given at once while it is revalidated`() async throws {
        let freshness = FreshnessPolicy(staleWhileRevalidate: .seconds(60))
        try await CacheFixture.withRunning(freshness: freshness) { fixture in
            let old = fixture.registry.addImage(repository: "a/b", tag: "latest")
            _ = try await fixture.manifest("a/b", "latest")
            let new = fixture.registry.addImage(repository: "a/b", tag: "latest")
            fixture.clock.advance(by: .seconds(310))
            let stale = try await fixture.manifest("a/b", "latest")
            #expect(stale.bytes == old.index.bytes)
            #expect(stale.status.ttl == -10)
            try await fixture.registry.waitFor(.finished, matching: .manifestGets.of(new.index.digest))
            while try await fixture.manifest("a/b", "latest").digest != new.index.digest { await Task.yield() }
        }
    }

    @Test
    func `only a client that may forces revalidation`() async throws {
        try await CacheFixture.withRunning { fixture in
            fixture.registry.addImage(repository: "a/b", tag: "latest")
            _ = try await fixture.manifest("a/b", "latest")
            let new = fixture.registry.addImage(repository: "a/b", tag: "latest")
            let refused = try await fixture.manifest("a/b", "latest", refresh: true, mayRefresh: false)
            #expect(refused.status.isHit && refused.digest != new.index.digest)
            let forced = try await fixture.manifest("a/b", "latest", refresh: true)
            #expect(forced.digest == new.index.digest)
            #expect(forced.status.forward == .request)
        }
    }

    @Test
    func `an absent tag is asked for once, until its time is over`() async throws {
        try await CacheFixture.withRunning { fixture in
            fixture.registry.addImage(repository: "a/b", tag: "other")
            for _ in 0..<3 {
                await #expect(throws: CacheError.manifestUnknown) { try await fixture.manifest("a/b", "latest") }
            }
            #expect(fixture.registry.requestCount(matching: .manifests) == 1)
            let image = fixture.registry.addImage(repository: "a/b", tag: "latest")
            fixture.clock.advance(by: .seconds(31))
            let answer = try await fixture.manifest("a/b", "latest")
            #expect(answer.digest == image.index.digest)
        }
    }

    struct Outage: Sendable {
        let name: String
        let fault: Fault
        let condition: OutageCondition
        let status: Int?
    }

    static let outages = [
        Outage(name: "closed", fault: .closeAtOnce, condition: .unreachable, status: nil),
        Outage(name: "nonsense", fault: .status(418), condition: .unreachable, status: 418),
        Outage(name: "500", fault: .status(500), condition: .serverError, status: 500),
        Outage(name: "503", fault: .status(503, headers: ["Retry-After": "1"]), condition: .serverError, status: 503),
        Outage(name: "429", fault: .pullLimited(), condition: .rateLimited, status: 429),
        Outage(name: "401", fault: .status(401), condition: .unauthorized, status: 401),
        Outage(name: "403", fault: .status(403), condition: .unauthorized, status: 403),
        Outage(name: "404", fault: .status(404), condition: .notFound, status: 404),
    ]

    @Test(arguments: outages)
    func `an outage is answered from the cache, saying so`(_ outage: Outage) async throws {
        try await CacheFixture.withRunning { fixture in
            let image = fixture.registry.addImage(repository: "a/b", tag: "latest")
            _ = try await fixture.manifest("a/b", "latest")
            try await fixture.settle()
            fixture.registry.inject(outage.fault, for: .manifests)
            fixture.clock.advance(by: .seconds(400))
            let answer = try await fixture.manifest("a/b", "latest")
            #expect(answer.bytes == image.index.bytes)
            #expect(answer.status.detail == CacheMetrics.OutageLabel(outage.condition).rawValue)
            #expect(answer.status.forward == .stale)
            #expect(answer.status.forwardStatus == outage.status)
            #expect(answer.status.ttl == -100)
        }
    }

    @Test(arguments: outages)
    func `an outage is passed on where the operator chose so`(_ outage: Outage) async throws {
        let policy = OutagePolicy(
            unreachable: .passOn, serverError: .passOn, rateLimited: .passOn, unauthorized: .passOn,
            notFound: .passOn)
        try await CacheFixture.withRunning(outage: policy) { fixture in
            fixture.registry.addImage(repository: "a/b", tag: "latest")
            _ = try await fixture.manifest("a/b", "latest")
            try await fixture.settle()
            fixture.registry.inject(outage.fault, for: .manifests)
            fixture.clock.advance(by: .seconds(400))
            do {
                _ = try await fixture.manifest("a/b", "latest")
                Issue.record("\(outage.name) was not passed on")
            } catch CacheError.manifestUnknown {
                #expect(outage.condition == .notFound)
            } catch CacheError.upstream(let error) {
                #expect(OutageCondition(error) == outage.condition)
            }
        }
    }

    @Test
    func `stale answers end at their maximum age`() async throws {
        let policy = OutagePolicy(unreachable: .serveStale(maximumAge: .seconds(1000)))
        try await CacheFixture.withRunning(outage: policy) { fixture in
            fixture.registry.addImage(repository: "a/b", tag: "latest")
            _ = try await fixture.manifest("a/b", "latest")
            try await fixture.settle()
            await fixture.registry.goDown()
            fixture.clock.advance(by: .seconds(1000))
            #expect(try await fixture.manifest("a/b", "latest").status.detail == "unreachable")
            fixture.clock.advance(by: .seconds(61))
            await #expect(throws: CacheError.self) { try await fixture.manifest("a/b", "latest") }
        }
    }

    @Test
    func `after a failure those who can be served do not wait for the next one`() async throws {
        try await CacheFixture.withRunning { fixture in
            fixture.registry.addImage(repository: "a/b", tag: "latest")
            fixture.registry.addImage(repository: "a/c", tag: "latest")
            for repository in ["a/b", "a/c"] { _ = try await fixture.manifest(repository, "latest") }
            try await fixture.settle()
            fixture.registry.inject(.status(500), for: .manifests)
            fixture.clock.advance(by: .seconds(400))
            #expect(try await fixture.manifest("a/b", "latest").status.detail == "server-error")
            fixture.registry.forgetRequests()
            #expect(try await fixture.manifest("a/c", "latest").status.detail == "upstream-paused")
            #expect(fixture.registry.requestCount() == 0)
            fixture.registry.removeAllFaults()
            fixture.clock.advance(by: .seconds(2))
            #expect(try await fixture.manifest("a/c", "latest").status.detail == nil)
        }
    }

    @Test
    func `nothing cached and no upstream is an error of the upstream`() async throws {
        try await CacheFixture.withRunning { fixture in
            await fixture.registry.goDown()
            do {
                _ = try await fixture.manifest("a/b", "latest")
                Issue.record("an answer came from nowhere")
            } catch CacheError.upstream(let error) {
                #expect(OutageCondition(error) == .unreachable)
            }
        }
    }

    @Test(arguments: [
        ("another digest than its bytes have", Fault.corruptBody),
        ("a false digest field", .setHeader("Docker-Content-Digest", "sha256:" + String(repeating: "0", count: 64))),
        ("a page", .html()),
        ("a type that is not the manifest's", .setHeader("Content-Type", "\(MediaType.dockerManifest)")),
        ("more than the limit", .endlessBody),
        ("schema 1", .replaceBody(Array(#"{"schemaVersion":1,"name":"a/b","tag":"latest"}"#.utf8))),
        ("nesting without end", .replaceBody(Array(repeating: UInt8(ascii: "["), count: 100_000))),
    ])
    func `a manifest that lies is refused, and nothing of it is kept`(_ name: String, _ fault: Fault) async throws {
        try await CacheFixture.withRunning { fixture in
            let image = fixture.registry.addImage(repository: "a/b", tag: "latest")
            let injected = fixture.registry.inject(fault, for: .manifests)
            await #expect(throws: CacheError.self, "\(name)") { try await fixture.manifest("a/b", "latest") }
            fixture.registry.remove(injected)
            fixture.clock.advance(by: .seconds(120))
            let answer = try await fixture.manifest("a/b", "latest")
            #expect(answer.bytes == image.index.bytes)
        }
    }

    @Test
    func `an upstream without digests in its heads is asked by GET`() async throws {
        try await CacheFixture.withRunning { fixture in
            let image = fixture.registry.addImage(repository: "a/b", tag: "latest")
            fixture.registry.inject(.omitHeader("Docker-Content-Digest"), for: .manifests)
            let head = try await fixture.manifest("a/b", "latest", isHead: true)
            #expect(head.digest == image.index.digest)
        }
    }

    @Test
    func `a manifest of another repository is served only after the upstream confirmed it for this one`() async throws {
        try await CacheFixture.withRunning { fixture in
            let image = fixture.registry.addSingleImage(repository: "private/app", tag: "v1")
            _ = try await fixture.manifest("private/app", "v1")
            try await fixture.settle()
            await #expect(throws: CacheError.manifestUnknown) {
                try await fixture.manifest("public/app", image.manifest.digest)
            }
            fixture.registry.add(image, to: "public/other")
            fixture.registry.forgetRequests()
            #expect(try await fixture.manifest("public/other", image.manifest.digest).bytes == image.manifest.bytes)
            #expect(fixture.registry.requests(matching: .manifests).map(\.method) == ["HEAD"])
        }
    }

    @Test
    func `what was pulled survives a restart without the upstream`() async throws {
        let registry = try await TestRegistry.start()
        let image = registry.addImage(repository: "a/b", tag: "latest")
        try await withTemporaryFolder { directory in
            try await CacheFixture.withRunning(registry: registry, directory: directory) { fixture in
                try await fixture.pull("a/b", "latest", of: image)
            }
            await registry.goDown()
            try await CacheFixture.withRunning(registry: registry, directory: directory) { fixture in
                fixture.clock.advance(by: .seconds(100_000))
                try await fixture.pull("a/b", "latest", of: image)
            }
        }
        await registry.stop()
    }
}
