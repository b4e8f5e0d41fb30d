import Glibc
import Testing

extension RealPrograms {
    /// One fill, and those who read along.
    @Suite(.serialized)
    struct FillTests {
        @Test(.needs(.nginx), .timeLimit(.minutes(1)))
        func `a fill goes on when its only client leaves`() async throws {
            try await Self.withSlow(rate: "2m") { stage, _, blob in
                let client = try await stage.machine.startDownload(
                    stage.url(blob: blob), to: "\(stage.machine.scratch.path)/left")
                client.kill()
                try await eventually("the blob is stored") { try stage.weir.isStored(blob) }
                let (answer, requests) = try await stage.registry.requests {
                    try await stage.machine.request(stage.url(blob: blob))
                }
                #expect(contentDigest(answer.body) == blob.digest)
                #expect(requests == [])
            }
        }

        @Test(.needs(.nginx), .timeLimit(.minutes(1)))
        func `a slow client slows nobody else`() async throws {
            try await Self.withSlow(rate: "4m") { stage, _, blob in
                // It would take 40 seconds.
                let slow = try await stage.machine.startDownload(
                    stage.url(blob: blob), to: "\(stage.machine.scratch.path)/slow", rate: "100K")
                let start = ContinuousClock.now
                let answers = try await stage.machine.requestTogether(
                    Array(repeating: stage.url(blob: blob), count: 4))
                #expect(answers.allSatisfy { contentDigest($0.body) == blob.digest })
                #expect(ContinuousClock.now - start < .seconds(15))
                #expect(slow.ending == nil)
            }
        }

        @Test(.needs(.nginx), .timeLimit(.minutes(1)))
        func `a transfer that the upstream cuts goes on where it broke off`() async throws {
            try await Self.withSlow(rate: "2m") { stage, line, blob in
                let path = "\(stage.machine.scratch.path)/cut"
                let client = try await stage.machine.startDownload(stage.url(blob: blob), to: path)
                // So that there is something to go on from.
                try await eventually("a megabyte is there") { try readBytes(path).count > 1 << 20 }
                try await line.stop()
                _ = try await Nginx.slow(stage.registry, rate: "100m")
                #expect(try await client.ending(within: .seconds(40)) == .exited(0), "\(stage.weir.logEnd)")
                #expect(contentDigest(try readBytes(path)) == blob.digest)
                #expect(try await stage.registry.requests().gets(of: blob.digest).contains { $0.status == 206 })
            }
        }

        /// Weir behind a line that is as slow as `rate`.
        private static func withSlow(
            rate: String, _ body: (Stage, Nginx, Content) async throws -> Void
        ) async throws {
            try await Stage.with(layerBytes: 4 << 20) { stage in
                let line = try await Nginx.slow(stage.registry, rate: rate)
                try stage.weir.configure(WeirConfiguration(rules: [.hub(line.origin)]))
                try await stage.weir.stop()
                try await stage.weir.start()
                try await body(stage, line, try stage.image.native.layers[2])
            }
        }
    }
}
