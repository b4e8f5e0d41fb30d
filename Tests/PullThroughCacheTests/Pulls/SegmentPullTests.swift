import NIOCore
import OCI
import RegistryTestKit
import Rules
import Testing
import UpstreamClient

@testable import PullThroughCache

@Suite(.timeLimit(.minutes(2))) struct SegmentPullTests {
    /// Splits at once and without measuring: what is tested here is what becomes of the bytes.
    private static let configuration = Configuration(
        retries: CacheFixture.retries,
        segmentation: Segmentation(
            connectionLimit: 4, minimumBytes: 100_000, measuringInterval: .zero, worthwhile: .zero,
            fastBytesPerSecond: .max, gain: 0))

    private static let segments = RequestMatcher(method: "GET", kind: .blob) { $0.range?.hasSuffix("-") == false }

    /// Holds the first transfer back until others have taken parts of it.
    private func pull(
        _ content: TestContent, _ fixture: CacheFixture, whileHeld: (InjectedFault) async throws -> Void
    ) async throws -> ByteBuffer {
        fixture.registry.add(blob: content.bytes, to: "a/b")
        let stall = fixture.registry.inject(.stallBody(afterBytes: 300_000), for: .blobGets.first(1))
        let answer = try await fixture.blob("a/b", content.digest)
        async let bytes = fixture.read(answer)
        try await whileHeld(stall)
        fixture.registry.remove(stall)
        return try await bytes
    }

    @Test
    func `segments come over several connections, and readers get them in order`() async throws {
        try await CacheFixture.withRunning(configuration: Self.configuration) { fixture in
            let content = TestContent.random(count: 4_000_000)
            let bytes = try await pull(content, fixture) { _ in
                try await fixture.registry.waitFor(.finished, count: 2, matching: Self.segments)
            }
            #expect(bytes == content.bytes)
            #expect(fixture.registry.requestCount(matching: Self.segments) >= 3)
            try await fixture.settle()
            fixture.registry.forgetRequests()
            #expect(try await fixture.bytes("a/b", content.digest) == content.bytes)
            #expect(fixture.registry.requestCount() == 0)
        }
    }

    @Test
    func `segments together come no faster than the rule's bandwidth`() async throws {
        let rate: Int64 = 8 << 20
        try await CacheFixture.withRunning(
            configuration: Self.configuration, pacing: PacingSettings(bandwidth: rate)
        ) { fixture in
            let content = TestContent.random(count: 4_000_000)
            let begin = ContinuousClock.now
            let bytes = try await pull(content, fixture) { _ in
                try await fixture.registry.waitFor(.finished, count: 2, matching: Self.segments)
            }
            #expect(bytes == content.bytes)
            #expect(fixture.registry.requestCount(matching: Self.segments) >= 3)
            // All bytes, without the burst of a tenth of a second and the last slices; each connection on its own would
            // be there in a quarter of that.
            let least = Duration.seconds(Double(content.bytes.readableBytes) / Double(rate)) - .milliseconds(150)
            #expect(ContinuousClock.now - begin >= least)
        }
    }

    @Test
    func `a lost segment is brought again alone`() async throws {
        try await CacheFixture.withRunning(configuration: Self.configuration) { fixture in
            let content = TestContent.random(count: 4_000_000)
            var matcher = Self.segments
            matcher.occurrences = 2...2
            fixture.registry.inject(.truncateBody(afterBytes: 150_000), for: matcher)
            let bytes = try await pull(content, fixture) { _ in
                try await fixture.registry.waitFor(.finished, count: 2, matching: Self.segments)
            }
            #expect(bytes == content.bytes)
            #expect(fixture.registry.requests(matching: .blobGets).filter { $0.range == nil }.count == 1)
        }
    }

    @Test(arguments: [
        ("refuses ranges", Fault.ignoreRange), ("refuses with 429", .pullLimited()),
        ("speaks of another size", .contentRange("bytes 2000000-3999999/5000000")), ("fails", .status(500)),
    ])
    func `an upstream that does not do segments right is gone back to one transfer`(
        _ name: String, _ fault: Fault
    ) async throws {
        try await CacheFixture.withRunning(configuration: Self.configuration) { fixture in
            let content = TestContent.random(count: 4_000_000)
            fixture.registry.inject(fault, for: Self.segments)
            let bytes = try await pull(content, fixture) { _ in
                try await fixture.registry.waitForRequests(count: 1, matching: Self.segments)
            }
            #expect(bytes == content.bytes, "\(name)")
        }
    }

    @Test
    func `segments of other bytes are found out, and the blob is fetched again in one piece`() async throws {
        try await CacheFixture.withRunning(configuration: Self.configuration) { fixture in
            let content = TestContent.random(count: 4_000_000)
            fixture.registry.inject(.corruptBody, for: Self.segments)
            do {
                _ = try await pull(content, fixture) { _ in
                    try await fixture.registry.waitFor(.finished, count: 2, matching: Self.segments)
                }
                Issue.record("wrong bytes were taken for a complete answer")
            } catch CacheError.digestMismatch {}
            #expect(try await fixture.bytes("a/b", content.digest) == content.bytes)
        }
    }
}
