import Foundation
import MetadataStore
import OCI
import RegistryTestKit
import Rules
import SQLiteMetadataStore
import Testing
import Timekeeping

@testable import PullThroughCache

@Suite(.timeLimit(.minutes(2)))
struct SpendingTests {
    private func ask(
        _ fixture: CacheFixture, _ reference: String, _ client: Client, isHead: Bool = false
    ) async throws -> ManifestAnswer {
        try await fixture.cache.manifest(
            ManifestRequest(
                rule: fixture.rule, repository: try fixture.key("library/nginx"),
                reference: try ManifestReference(reference), isHead: isHead, client: client))
    }

    private func spent(_ fixture: CacheFixture, by grouping: SpendGrouping = .client) async throws -> [SpendSum] {
        try await fixture.cache.spend(by: grouping, since: fixture.clock.now(), limit: 100)
    }

    private let alice = Client(address: "192.0.2.1", mayRefresh: false, name: "alice")
    private let bob = Client(address: "192.0.2.2", mayRefresh: false)

    @Test func `a pull is booked on the client that caused it, and a hit on nobody`() async throws {
        try await CacheFixture.withRunning { fixture in
            let image = fixture.registry.addImage(repository: "library/nginx", tag: "1.27")
            _ = try await ask(fixture, "1.27", alice)
            _ = try await ask(fixture, "1.27", bob)
            _ = try await ask(fixture, "\(image.images[0].manifest.digest)", bob)
            let sums = try await spent(fixture)
            #expect(Set(sums.map(\.spender)) == [alice.spender, bob.spender])
            #expect(sums.map(\.pulls) == [1, 1])
            #expect(fixture.registry.requestCount(matching: .manifestGets) == 2)
            let tags = try await spent(fixture, by: .tag)
            #expect(Set(tags.map(\.reference)) == ["1.27", "\(image.images[0].manifest.digest)"])
            #expect(Set(tags.map(\.repository?.description)) == ["library/nginx"])
        }
    }

    @Test func `a client's pull is booked on the namespace that it is for, and Weir's own on none`() async throws {
        let namespaces: PullNamespaces = { address, repository, reference in
            address == "192.0.2.1" ? "\(repository.name) \(reference)" : nil
        }
        try await CacheFixture.withRunning(namespaces: namespaces) { fixture in
            for tag in ["1", "2", "3"] { fixture.registry.addSingleImage(repository: "library/nginx", tag: tag) }
            _ = try await ask(fixture, "1", alice)
            _ = try await ask(fixture, "2", bob)
            _ = try await ask(fixture, "3", .weir(.warm))
            let sums = try await spent(fixture)
            #expect(
                Set(sums.map(\.spender)) == [
                    .client(address: "192.0.2.1", user: "alice", namespace: "library/nginx 1"),
                    .client(address: "192.0.2.2"), .weir(.warm),
                ])
            let grouped = try await spent(fixture, by: .namespace)
            #expect(Set(grouped.map(\.namespace)) == ["library/nginx 1", nil])
            #expect(grouped.count == 3)
        }
    }

    @Test func `a HEAD costs nothing, and the GET by digest after it is booked on the tag`() async throws {
        try await CacheFixture.withRunning { fixture in
            let image = fixture.registry.addImage(repository: "library/nginx", tag: "1.27")
            _ = try await ask(fixture, "1.27", alice, isHead: true)
            #expect(try await spent(fixture) == [])
            _ = try await ask(fixture, "\(image.index.digest)", alice)
            #expect(try await spent(fixture, by: .tag).map(\.reference) == ["1.27"])
        }
    }

    @Test func `one fetch that many wait for is booked once, on the first`() async throws {
        try await CacheFixture.withRunning { fixture in
            fixture.registry.addImage(repository: "library/nginx", tag: "1.27")
            let stall = fixture.registry.inject(.stallBeforeHead, for: .manifestGets)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { _ = try await ask(fixture, "1.27", alice) }
                try await stall.waitUntilHolding()
                for number in 0..<20 {
                    group.addTask {
                        _ = try await ask(
                            fixture, "1.27", Client(address: "198.51.100.\(number)", mayRefresh: false))
                    }
                }
                stall.release()
                try await group.waitForAll()
            }
            let sums = try await spent(fixture)
            #expect(sums.map(\.spender) == [alice.spender])
            #expect(sums.map(\.pulls) == [1])
        }
    }

    @Test func `a refused pull is booked as refused, an unknown image as a pull, and an outage not at all`()
        async throws
    {
        try await CacheFixture.withRunning { fixture in
            fixture.registry.rateLimit = RateLimit(remaining: 1)
            await #expect(throws: CacheError.manifestUnknown) { try await ask(fixture, "absent", alice) }
            await #expect(throws: CacheError.self) { try await ask(fixture, "1.27", alice) }
            fixture.registry.rateLimit = nil
            fixture.registry.inject(.status(500))
            await #expect(throws: CacheError.self) { try await ask(fixture, "1.28", bob) }
            let sums = try await spent(fixture)
            #expect(sums.map(\.spender) == [alice.spender])
            #expect(sums.map(\.pulls) == [1])
            #expect(sums.map(\.refused) == [1])
        }
    }

    @Test func `what Weir asks by itself is booked on Weir`() async throws {
        let freshness = FreshnessPolicy(
            moving: .seconds(60), minor: .seconds(60), exact: .seconds(60), staleWhileRevalidate: .seconds(60))
        try await CacheFixture.withRunning(freshness: freshness) { fixture in
            fixture.registry.addImage(repository: "library/nginx", tag: "1.27")
            _ = try await ask(fixture, "1.27", alice)
            // It moves, and is confirmed behind the next client's back.
            fixture.registry.addImage(repository: "library/nginx", tag: "1.27")
            fixture.clock.advance(by: .seconds(90))
            _ = try await ask(fixture, "1.27", bob)
            try await fixture.registry.waitFor(.finished, count: 2, matching: .manifestGets)
            var sums = try await spent(fixture)
            while sums.count < 2 { sums = try await spent(fixture) }
            #expect(Set(sums.map(\.spender)) == [alice.spender, .weir(.revalidation)])
        }
    }

    @Test func `books are kept for their time`() async throws {
        var configuration = Configuration(retries: CacheFixture.retries)
        configuration.spendRetention = .seconds(7200)
        try await CacheFixture.withRunning(configuration: configuration) { fixture in
            let begin = fixture.clock.now()
            for tag in ["1", "2", "3"] {
                fixture.registry.addImage(repository: "library/nginx", tag: tag)
                _ = try await ask(fixture, tag, alice)
                _ = try await spent(fixture)
                fixture.clock.advance(by: .seconds(3600))
            }
            await #expect(throws: CacheError.manifestUnknown) { try await ask(fixture, "none", alice) }
            let hours = try await fixture.cache.spend(by: .hour, since: begin - .seconds(86_400), limit: 100)
            #expect(hours.count == 3)
            // Removed by whoever wrote last, which may be the cache itself.
            var kept = 4
            while kept > 3 {
                kept = try await fixture.metadata.spend(by: .hour, since: begin - .seconds(86_400), limit: 100).count
            }
            #expect(kept == 3)
        }
    }
}
