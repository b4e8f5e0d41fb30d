import NIOCore
import OCI
import RegistryTestKit
import Testing
import Upstream

@testable import UpstreamClient

@Suite(.timeLimit(.minutes(2)))
struct RetryTests {
    private static let policy = RetryPolicy(
        attempts: 4, budget: .seconds(60), retryAfterLimit: .seconds(5))

    @Test(
        arguments: [
            (.never, 1, nil), (.afterBackOff, 1, .milliseconds(200)), (.afterBackOff, 2, .milliseconds(400)),
            (.afterBackOff, 3, .milliseconds(800)), (.afterBackOff, 4, nil), (.atOnce, 1, .zero),
            (.atOnce, 2, .milliseconds(400)), (.after(.seconds(3)), 1, .seconds(3)), (.after(.seconds(6)), 1, nil),
            (.after(.zero), 1, .milliseconds(200)),
        ] as [(Failure.Retry, Int, Duration?)])
    func `pauses grow, and end`(_ retry: Failure.Retry, attempt: Int, expected: Duration?) {
        #expect(Self.policy.pause(after: retry, attempt: attempt, elapsed: .zero, random: 1) == expected)
    }

    @Test func `pauses are spread, capped, and within the budget`() {
        let many = RetryPolicy(attempts: 100, budget: .seconds(60), retryAfterLimit: .seconds(5))
        #expect(many.pause(after: .afterBackOff, attempt: 1, elapsed: .zero, random: 0) == .milliseconds(100))
        #expect(many.pause(after: .afterBackOff, attempt: 99, elapsed: .zero, random: 1) == .seconds(5))
        #expect(many.pause(after: .afterBackOff, attempt: 2, elapsed: .seconds(60), random: 1) == nil)
        #expect(many.pause(after: .after(.seconds(5)), attempt: 2, elapsed: .seconds(56), random: 1) == nil)
    }

    @Test func `a failing upstream is asked three times, with growing pauses`() async throws {
        try await Harness.run { harness in
            harness.registry.inject(.status(503))
            let error = await upstreamError { try await harness.client.manifestBytes() }
            #expect(error == .serverError(status: 503, retryAfter: nil))
            #expect(harness.registry.requestCount() == 3)
            #expect(harness.pauses.all == [.milliseconds(200), .milliseconds(400)])
        }
    }

    @Test(arguments: [Fault.status(500), .status(502), .status(408), .closeAtOnce, .truncateBody(afterBytes: 10)])
    func `what fails once is had on the second attempt`(_ fault: Fault) async throws {
        try await Harness.run { harness async throws in
            let image = harness.registry.addImage(repository: "library/nginx", tag: "latest")
            harness.registry.inject(fault, for: .manifestGets.first(1))
            #expect(try await harness.client.manifestBytes() == image.index.bytes)
            #expect(harness.registry.requestCount() == 2)
        }
    }

    @Test(arguments: [400, 403, 404, 410, 429, 501])
    func `what would fail again is not asked again`(_ status: Int) async throws {
        try await Harness.run { harness in
            harness.registry.inject(.status(status))
            #expect(await upstreamError { try await harness.client.manifestBytes() } != nil)
            #expect(harness.registry.requestCount() == 1)
        }
    }

    @Test func `a short Retry-After is waited for, and a long one reported`() async throws {
        try await Harness.run { harness async throws in
            let image = harness.registry.addImage(repository: "library/nginx", tag: "latest")
            let short = harness.registry.inject(
                .status(503, headers: ["Retry-After": "3"]), for: .manifestGets.first(1))
            #expect(try await harness.client.manifestBytes() == image.index.bytes)
            #expect(harness.pauses.all == [.seconds(3)])
            harness.registry.remove(short)
            harness.registry.inject(.status(503, headers: ["Retry-After": "120"]))
            let error = await upstreamError { try await harness.client.manifestBytes() }
            #expect(error == .serverError(status: 503, retryAfter: .seconds(120)))
            #expect(harness.pauses.all.count == 1)
        }
    }

    @Test func `an upstream that does not answer times out, a bounded number of times`() async throws {
        try await Harness.run(configure: { configuration, _ in
            configuration.answerTimeout = .milliseconds(50)
            configuration.attempts = 2
        }) { harness in
            harness.registry.inject(.stallBeforeHead)
            #expect(await upstreamError { try await harness.client.manifestBytes() } == .timedOut)
            #expect(harness.pauses.all == [.milliseconds(200)])
        }
    }

    @Test func `a manifest that trickles ends in time`() async throws {
        try await Harness.run(configure: { configuration, _ in
            configuration.bodyTimeout = .milliseconds(200)
            configuration.attempts = 1
        }) { harness in
            harness.registry.addImage(repository: "library/nginx", tag: "latest")
            let pace = harness.registry.inject(.paced(chunkBytes: 1))
            async let error = upstreamError { try await harness.client.manifestBytes() }
            // A byte at a time, each as soon as the one before has gone: never stalled, and never done.
            let feeder = Task {
                for count in 1...100 {
                    try await pace.waitUntilHolding(count)
                    pace.tick()
                }
            }
            #expect(await error == .timedOut)
            feeder.cancel()
            try await harness.registry.waitForOpenConnections(atMost: 0)
        }
    }

    @Test func `an upstream that is down is unreachable, and one that comes back is reached`() async throws {
        try await Harness.run { harness in
            let image = harness.registry.addImage(repository: "library/nginx", tag: "latest")
            #expect(try await harness.client.manifestBytes() == image.index.bytes)
            await harness.registry.goDown()
            let error = await upstreamError { try await harness.client.manifestBytes() }
            guard case .unreachable(let reason) = error else {
                Issue.record("\(String(describing: error))")
                return
            }
            #expect(reason.contains("Connection refused") || reason.contains("closed"))
            try await harness.registry.resume()
            #expect(try await harness.client.manifestBytes() == image.index.bytes)
        }
    }

    @Test func `a kept connection that the upstream closed costs no pause`() async throws {
        try await Harness.run { harness in
            harness.registry.addImage(repository: "library/nginx", tag: "latest")
            harness.registry.inject(.closeAtOnce, for: RequestMatcher(occurrences: 2...2))
            _ = try await harness.client.manifestBytes()
            _ = try await harness.client.manifestBytes()
            #expect(harness.registry.requestCount() == 3)
            #expect(harness.pauses.all.isEmpty)
        }
    }

    @Test func `a host that does not resolve is unreachable`() async throws {
        try await Harness.run(configure: { configuration, _ in
            configuration.host = try RegistryHost("nowhere.invalid")
            configuration.attempts = 1
        }) { harness in
            let error = await upstreamError { try await harness.client.manifestBytes() }
            #expect(error == .unreachable(reason: "the name nowhere.invalid does not resolve"))
        }
    }

    @Test func `a blob is asked for again until its head has come, and not after`() async throws {
        try await Harness.run { harness async throws in
            let blob = TestContent.random(count: 1000)
            harness.registry.add(blob: blob.bytes, to: "library/nginx")
            harness.registry.inject(.status(500), for: .blobGets.first(1))
            #expect(try await harness.client.wholeBlob(blob.digest) == blob.bytes)
            harness.registry.inject(.truncateBody(afterBytes: 10))
            harness.registry.forgetRequests()
            #expect(await upstreamError { try await harness.client.wholeBlob(blob.digest) } == .truncated)
            #expect(harness.registry.requestCount() == 1)
        }
    }
}
