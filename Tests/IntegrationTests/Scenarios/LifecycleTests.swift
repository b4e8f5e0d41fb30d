import Testing

extension RealPrograms {
    /// Starting, reloading, stopping.
    @Suite(.serialized)
    struct LifecycleTests {
        @Test(.needs(.nginx), .timeLimit(.minutes(1)))
        func `a graceful shutdown lets a running transfer end`() async throws {
            try await Self.withSlow { stage, blob in
                let path = "\(stage.machine.scratch.path)/download"
                let download = try await stage.machine.startDownload(stage.url(blob: blob), to: path)
                try await stage.weir.beginShutdown()
                #expect(try await download.ending(within: .seconds(20)) == .exited(0))
                #expect(contentDigest(try readBytes(path)) == blob.digest)
                #expect(try await stage.weir.ending(within: .seconds(20)) == .exited(0))
            }
        }

        @Test(.needs(.nginx), .timeLimit(.minutes(1)))
        func `a reload takes effect without cutting a transfer`() async throws {
            try await Self.withSlow { stage, blob in
                let path = "\(stage.machine.scratch.path)/download"
                let download = try await stage.machine.startDownload(stage.url(blob: blob), to: path)
                var configuration = stage.weir.configuration
                configuration.rules.append(.init(name: "added", registry: "http://localhost:5001", host: "none"))
                try stage.weir.configure(configuration)
                let address = "\(stage.weir.origin)/v2/added/library/x/manifests/multi"
                try await stage.weir.reload()
                let accepted = ["Accept: \(ImageMediaType.index.rawValue)"]
                try await eventually("the added rule serves") {
                    let answer = try await stage.machine.request(address, fields: accepted)
                    return answer.status == 200 && contentDigest(answer.body) == stage.image.index.digest
                }
                #expect(download.ending == nil, "the transfer was to last beyond the reload")
                #expect(try await download.ending(within: .seconds(20)) == .exited(0))
                #expect(contentDigest(try readBytes(path)) == blob.digest)
            }
        }

        @Test(.needs(), .timeLimit(.minutes(1)))
        func `a reload of a broken file changes nothing and says what is wrong`() async throws {
            try await Stage.with { stage in
                try writeText("listen: 127.0.0.1:5000\nrulez: {}\n", to: stage.weir.configurationPath)
                try await stage.weir.reload()
                try await eventually("the mistake is named") { stage.weir.log.contains("rulez") }
                #expect(try await stage.pullIsExact())
            }
        }

        @Test(.needs(), .timeLimit(.minutes(2)))
        func `it starts while every upstream is down, and serves what it has`() async throws {
            try await Stage.with { stage in
                #expect(try await stage.pullIsExact())
                try await stage.weir.stop()
                try await stage.registry.stop()
                try await stage.weir.start()
                #expect(try await stage.pullIsExact())
                let unknown = try await stage.machine.request(
                    "\(stage.weir.origin)/v2/library/unknown/manifests/latest", within: .seconds(40))
                #expect((500..<600).contains(unknown.status))
                #expect(unknown.text.contains("\"errors\""))
            }
        }

        @Test(.needs(), .timeLimit(.minutes(1)))
        func `it asks the upstream nothing when it starts`() async throws {
            try await Stage.with { stage in
                let (_, requests) = try await stage.registry.requests {
                    try await stage.weir.stop()
                    try await stage.weir.start()
                    _ = try await stage.machine.request("\(stage.weir.origin)/v2/")
                }
                #expect(requests == [])
            }
        }

        /// A transfer of `blob` through Weir takes more than two seconds.
        private static func withSlow(_ body: (Stage, Content) async throws -> Void) async throws {
            try await Stage.with(layerBytes: 4 << 20) { stage in
                let slow = try await Nginx.slow(stage.registry, rate: "2m")
                try stage.weir.configure(WeirConfiguration(rules: [.hub(slow.origin)]))
                try await stage.weir.stop()
                try await stage.weir.start()
                try await body(stage, try stage.image.native.layers[2])
            }
        }
    }
}
