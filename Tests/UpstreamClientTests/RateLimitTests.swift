import HTTPSemantics
import NIOCore
import NIOHTTP1
import OCI
import RegistryTestKit
import Testing
import Timekeeping
import Upstream

@testable import UpstreamClient

@Suite(.timeLimit(.minutes(2)))
struct RateLimitTests {
    @Test func `the limit is read of every answer`() async throws {
        try await Harness.run { harness in
            harness.registry.addImage(repository: "library/nginx", tag: "latest")
            harness.registry.rateLimit = RateLimit(limit: 100, remaining: 2, source: "192.0.2.7")
            func remaining() -> Int64? { harness.answers.limits.last?.remaining?.count }
            _ = try await harness.client.resolve(tag, in: repository)
            #expect(remaining() == 2)
            _ = try await harness.client.manifestBytes()
            #expect(remaining() == 1)
            _ = try await harness.client.manifestBytes()
            let error = await upstreamError { try await harness.client.manifestBytes() }
            #expect(error == .rateLimited(.pull, retryAfter: nil))
            #expect(
                harness.answers.limits.last
                    == RateLimitObservation(
                        limit: RateLimitField(count: 100, window: .seconds(21_600)),
                        remaining: RateLimitField(count: 0, window: .seconds(21_600)), source: "192.0.2.7",
                        observedAt: harness.clock.now()))
            #expect(harness.pauses.all.isEmpty)
        }
    }

    @Test(
        arguments: [
            (Fault.pullLimited(), .rateLimited(.pull, retryAfter: nil)),
            (.pullLimited(retryAfterSeconds: 3600), .rateLimited(.pull, retryAfter: .seconds(3600))),
            (.abuseLimited(), .rateLimited(.abuse, retryAfter: nil)),
            (.abuseLimited(retryAfterSeconds: 30), .rateLimited(.abuse, retryAfter: .seconds(30))),
            (.status(429), .rateLimited(.abuse, retryAfter: nil)),
        ] as [(Fault, UpstreamError)])
    func `the two limiters are told apart, and neither is asked again`(
        _ fault: Fault, _ expected: UpstreamError
    ) async throws {
        try await Harness.run { harness in
            harness.registry.inject(fault)
            #expect(await upstreamError { try await harness.client.manifestBytes() } == expected)
            #expect(harness.registry.requestCount() == 1)
        }
    }

    @Test func `a HEAD without a body is told apart by its fields`() async throws {
        try await Harness.run { harness in
            harness.registry.inject(.status(429, headers: ["ratelimit-remaining": "0;w=21600"]))
            let error = await upstreamError { try await harness.client.resolve(tag, in: repository) }
            #expect(error == .rateLimited(.pull, retryAfter: nil))
        }
    }

    @Test func `a refusal's body is read no further than needed`() async throws {
        try await Harness.run { harness in
            harness.registry.inject(.status(429))
            harness.registry.inject(.endlessBody)
            let error = await upstreamError { try await harness.client.manifestBytes() }
            #expect(error == .rateLimited(.abuse, retryAfter: nil))
            try await harness.registry.waitForOpenConnections(atMost: 0)
        }
    }

    @Test(
        arguments: [
            (["ratelimit-limit": "100;w=21600"], 100, nil, nil),
            (["RateLimit-Remaining": "7"], nil, 7, nil),
            (["ratelimit-remaining": "7", "docker-ratelimit-source": "evil\nline"], nil, 7, nil),
            (["ratelimit-remaining": "7", "docker-ratelimit-source": "a-b"], nil, 7, "a-b"),
        ] as [([String: String], Int64?, Int64?, String?)])
    func `fields are read as far as they make sense`(
        fields: [String: String], limit: Int64?, remaining: Int64?, source: String?
    ) throws {
        let headers = HTTPHeaders(fields.map { ($0.key, $0.value) })
        let observation = try #require(RateLimitObservation(headers, now: Timestamp(seconds: 0)))
        #expect(observation.limit?.count == limit)
        #expect(observation.remaining?.count == remaining)
        #expect(observation.source == source)
    }

    @Test(arguments: [[:], ["ratelimit-limit": "many"], ["docker-ratelimit-source": "x"]] as [[String: String]])
    func `an answer without a limit says nothing`(_ fields: [String: String]) {
        let headers = HTTPHeaders(fields.map { ($0.key, $0.value) })
        #expect(RateLimitObservation(headers, now: Timestamp(seconds: 0)) == nil)
    }
}
