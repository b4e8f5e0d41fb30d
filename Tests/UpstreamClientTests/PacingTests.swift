import NIOCore
import OCI
import RegistryTestKit
import Testing
import Upstream

@testable import UpstreamClient

@Suite(.timeLimit(.minutes(1))) struct PacingTests {
    /// Everything slow is asked again, after a moment.
    private static let eager = HedgePolicy.Settings(sampleMinimum: 3, floor: .milliseconds(5), share: 1)

    private let image = TestImage.PlatformImage(layerSizes: [300_000])

    private func run(
        hedging: HedgePolicy.Settings = eager, pacing: PacingSettings = PacingSettings(),
        answerTimeout: Duration = .seconds(30), _ body: (Harness) async throws -> Void
    ) async throws {
        try await Harness.run(
            hedging: hedging,
            configure: { configuration, _ in
                configuration.pacing = pacing
                configuration.answerTimeout = answerTimeout
            }
        ) { harness in
            harness.registry.add(image, to: "library/nginx", tag: "latest")
            try await body(harness)
        }
    }

    // MARK: Second requests

    @Test func `a slow HEAD of a manifest is asked once more, and the first is broken off`() async throws {
        try await run { harness in
            for _ in 0..<3 { _ = try await harness.client.resolve(tag, in: repository) }
            harness.registry.forgetRequests()
            let stall = harness.registry.inject(.stallBeforeHead, for: RequestMatcher.manifestHeads.first(1))
            let resolved = try await harness.client.resolve(tag, in: repository)
            #expect(resolved.digest == image.manifest.digest)
            #expect(harness.registry.requestCount(matching: .manifestHeads) == 2)
            // Its connection is closed, not left waiting.
            try await harness.registry.waitForOpenConnections(atMost: 1)
            harness.registry.remove(stall)
        }
    }

    @Test func `the first answer counts where it comes before the second`() async throws {
        try await run { harness in
            for _ in 0..<3 { _ = try await harness.client.resolve(tag, in: repository) }
            harness.registry.forgetRequests()
            let first = harness.registry.inject(.stallBeforeHead, for: RequestMatcher.manifestHeads.first(1))
            let second = harness.registry.inject(
                .stallBeforeHead, for: RequestMatcher(method: "HEAD", kind: .manifest, occurrences: 2...2))
            async let resolved = harness.client.resolve(tag, in: repository)
            try await second.waitUntilHolding()
            first.release()
            #expect(try await resolved.digest == image.manifest.digest)
            try await harness.registry.waitForOpenConnections(atMost: 1)
            #expect(harness.registry.requestCount(matching: .manifestHeads) == 2)
        }
    }

    @Test func `a second request that fails leaves the first its time`() async throws {
        try await run { harness in
            for _ in 0..<3 { _ = try await harness.client.resolve(tag, in: repository) }
            harness.registry.forgetRequests()
            let stall = harness.registry.inject(.stallBeforeHead, for: RequestMatcher.manifestHeads.first(1))
            harness.registry.inject(
                .closeAtOnce, for: RequestMatcher(method: "HEAD", kind: .manifest, occurrences: 2...2))
            async let resolved = harness.client.resolve(tag, in: repository)
            try await harness.registry.waitForRequests(count: 2, matching: .manifestHeads)
            try await harness.registry.waitForOpenConnections(atMost: 1)
            stall.release()
            #expect(try await resolved.digest == image.manifest.digest)
            #expect(harness.registry.requestCount(matching: .manifestHeads) == 2)
        }
    }

    @Test func `what counts as a pull is never asked twice`() async throws {
        try await run { harness in
            for _ in 0..<4 { _ = try await harness.client.manifestBytes() }
            harness.registry.forgetRequests()
            let stall = harness.registry.inject(.stallBeforeHead, for: .manifestGets)
            async let bytes = harness.client.manifestBytes()
            try await stall.waitUntilHolding()
            // Time enough for a second request, had there been one to come.
            for _ in 0..<20 { _ = try await harness.client.resolve(tag, in: repository) }
            stall.release()
            #expect(try await bytes.readableBytes == image.manifest.size)
            #expect(harness.registry.requestCount(matching: .manifestGets) == 1)
        }
    }

    @Test func `an upstream that asks for fewer requests is asked nothing twice`() async throws {
        try await run { harness in
            for _ in 0..<3 { _ = try await harness.client.resolve(tag, in: repository) }
            harness.registry.inject(.abuseLimited(), for: RequestMatcher.manifestGets.first(1))
            _ = await upstreamError { try await harness.client.manifestBytes() }
            harness.registry.forgetRequests()
            let stall = harness.registry.inject(.stallBeforeHead, for: RequestMatcher.manifestHeads.first(1))
            async let resolved = harness.client.resolve(tag, in: repository)
            try await stall.waitUntilHolding()
            for _ in 0..<20 { _ = try await harness.client.blobSize(image.config.digest, in: repository) }
            #expect(harness.registry.requestCount(matching: .manifestHeads) == 1)
            stall.release()
            #expect(try await resolved.digest == image.manifest.digest)
        }
    }

    @Test func `a slow token is asked for once more`() async throws {
        let authority = TokenAuthority(TokenAuthority.Settings())
        try await run(hedging: HedgePolicy.Settings(sampleMinimum: 1, floor: .milliseconds(5), share: 1)) { harness in
            harness.registry.access = .bearer(authority)
            harness.registry.add(image, to: "library/other", tag: "latest")
            _ = try await harness.client.resolve(tag, in: repository)
            harness.registry.forgetRequests()
            let stall = harness.registry.inject(.stallBeforeHead, for: RequestMatcher.tokens.first(1))
            let resolved = try await harness.client.resolve(tag, in: .named("library/other"))
            #expect(resolved.digest == image.manifest.digest)
            #expect(harness.registry.requestCount(matching: .tokens) == 2)
            harness.registry.remove(stall)
        }
    }

    // MARK: Limits of the rule's own

    @Test func `blobs come no faster than the rule's bandwidth, in whatever pieces they are asked for`() async throws {
        let layer = image.layers[0]
        let rate: Int64 = 2 << 20
        try await run(pacing: PacingSettings(bandwidth: rate)) { harness in
            let begin = ContinuousClock.now
            let half = Int64(layer.size / 2)
            async let whole = harness.client.wholeBlob(layer.digest)
            async let config = harness.client.wholeBlob(image.config.digest)
            async let second = harness.client.wholeBlob(layer.digest, from: half)
            let bytes = try await (whole, config, second)
            #expect(bytes.0 == layer.bytes)
            #expect(bytes.1 == image.config.bytes)
            #expect(bytes.2 == layer.bytes.getSlice(at: Int(half), length: layer.size - Int(half)))
            // All bytes, without the burst of a tenth of a second and the last slice.
            let received = Double(layer.size + image.config.size) + Double(layer.size) - Double(half)
            let least = Duration.seconds(received / Double(rate)) - .milliseconds(120)
            #expect(ContinuousClock.now - begin >= least)
        }
    }

    @Test func `who leaves while waiting for bandwidth is let go at once`() async throws {
        let layer = image.layers[0]
        try await run(pacing: PacingSettings(bandwidth: 16 << 10)) { harness in
            let transfer = try await harness.client.blob(layer.digest, in: repository, from: 0)
            let reading = Task {
                var count = 0
                for try await piece in transfer.body { count += piece.readableBytes }
                return count
            }
            try await harness.registry.waitForRequests(count: 1, matching: .blobGets)
            reading.cancel()
            await #expect(throws: (any Error).self) { try await reading.value }
        }
    }

    @Test func `requests keep to the rule's rate`() async throws {
        try await run(pacing: PacingSettings(requestsPerSecond: 40)) { harness in
            let begin = ContinuousClock.now
            for _ in 0..<12 { _ = try await harness.client.resolve(tag, in: repository) }
            // Four at once, and then one in 25 milliseconds.
            #expect(ContinuousClock.now - begin >= .milliseconds(199))
            #expect(harness.registry.requestCount(matching: .manifestHeads) == 12)
        }
    }

    @Test func `a request that would wait longer than an answer may take is refused at once`() async throws {
        try await run(pacing: PacingSettings(requestsPerSecond: 0.001), answerTimeout: .seconds(30)) { harness in
            _ = try await harness.client.resolve(tag, in: repository)
            let error = await upstreamError { try await harness.client.resolve(tag, in: repository) }
            #expect(error == .rateLimited(.own, retryAfter: .seconds(30)))
            #expect(harness.registry.requestCount(matching: .manifestHeads) == 1)
        }
    }
}
