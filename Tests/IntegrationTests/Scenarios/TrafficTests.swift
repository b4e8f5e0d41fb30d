import Testing

extension RealPrograms {
    /// What the upstream is asked, by its own log.
    @Suite(.serialized)
    struct TrafficTests {
        @Test(.needs(.nginx), .timeLimit(.minutes(2)))
        func `fifty clients at once cause one transfer of a blob, and each gets every byte`() async throws {
            try await Stage.with(layerBytes: 4 << 20) { stage in
                let slow = try await Nginx.slow(stage.registry, rate: "4m")
                try stage.weir.configure(WeirConfiguration(rules: [.hub(slow.origin)]))
                try await stage.weir.stop()
                try await stage.weir.start()
                let blob = try stage.image.native.layers[2]
                let (answers, requests) = try await stage.registry.requests {
                    try await stage.machine.requestTogether(Array(repeating: stage.url(blob: blob), count: 50))
                }
                #expect(answers.map(\.status) == Array(repeating: 200, count: 50))
                #expect(answers.allSatisfy { $0.isComplete && contentDigest($0.body) == blob.digest })
                #expect(requests.gets(of: blob.digest).count == 1)
                #expect(answers.contains { $0.fields["cache-status"]?.contains("collapsed") == true })
            }
        }

        @Test(.needs(), .timeLimit(.minutes(1)))
        func `a stale tag is revalidated with HEAD alone`() async throws {
            try await Stage.with(configure: { $0.rules[0].freshness = "0s" }) { stage in
                #expect(try await stage.pullIsExact())
                let (isExact, requests) = try await stage.registry.requests { try await stage.pullIsExact() }
                #expect(isExact)
                #expect(!requests.isEmpty)
                #expect(requests.allSatisfy { $0.method == "HEAD" && $0.path.hasSuffix("/manifests/multi") })
            }
        }

        @Test(.needs(), .timeLimit(.minutes(1)))
        func `a tag that moved is served anew once it is asked for with no-cache`() async throws {
            try await Stage.with { stage in
                #expect(try await stage.manifest("multi").fields["docker-content-digest"] == stage.image.index.digest)
                let moved = try await ImageFactory(machine: stage.machine).make("moved")
                try await stage.registry.push(moved, as: Stage.repository)
                let fresh = try await stage.manifest("multi")
                #expect(fresh.fields["docker-content-digest"] == stage.image.index.digest)
                #expect(fresh.fields["cache-status"]?.contains("hit") == true)
                let forced = try await stage.manifest("multi", fields: ["Cache-Control: no-cache"])
                #expect(forced.fields["docker-content-digest"] == moved.index.digest)
                #expect(contentDigest(forced.body) == moved.index.digest)
                #expect(try await stage.manifest("multi").fields["docker-content-digest"] == moved.index.digest)
            }
        }

        @Test(.needs(), .timeLimit(.minutes(1)))
        func `HEAD never fetches content`() async throws {
            try await Stage.with { stage in
                let blob = try stage.image.native.layers[2]
                let (answers, requests) = try await stage.registry.requests {
                    [
                        try await stage.manifest("multi", method: "HEAD"),
                        try await stage.machine.request(stage.url(blob: blob), method: "HEAD"),
                    ]
                }
                #expect(answers.map(\.status) == [200, 200])
                #expect(answers[0].fields["docker-content-digest"] == stage.image.index.digest)
                #expect(answers[1].fields["content-length"] == "\(blob.size)")
                #expect(requests.allSatisfy { $0.method == "HEAD" }, "\(requests)")
            }
        }

        @Test(.needs(), .timeLimit(.minutes(1)), arguments: ["0-99", "1000-", "-100"])
        func `a range of a blob is answered cold and warm`(_ range: String) async throws {
            try await Stage.with { stage in
                let blob = try stage.image.native.layers[2]
                let whole = try readBytes("\(stage.image.path)/blobs/sha256/\(blob.digest.dropFirst(7))")
                let expected = [
                    "0-99": whole.prefix(100), "1000-": whole.dropFirst(1000), "-100": whole.suffix(100),
                ]
                for round in ["cold", "warm"] {
                    let answer = try await stage.machine.request(
                        stage.url(blob: blob), fields: ["Range: bytes=\(range)"])
                    #expect(answer.status == 206 && answer.isComplete, "\(round)")
                    #expect(answer.body == expected[range], "\(round)")
                }
            }
        }

        @Test(.needs(), .timeLimit(.minutes(1)))
        func `a blob is not given out in a repository that does not hold it`() async throws {
            try await Stage.with { stage in
                let other = try await ImageFactory(machine: stage.machine).make("other")
                try await stage.registry.push(other, as: "library/other")
                let secret = try other.native.layers[2]
                let own = try await stage.machine.request(
                    "\(stage.weir.origin)/v2/library/other/blobs/\(secret.digest)")
                #expect(own.status == 200 && contentDigest(own.body) == secret.digest)
                let foreign = try await stage.machine.request(stage.url(blob: secret))
                #expect(foreign.status == 404)
                #expect(foreign.text.contains("BLOB_UNKNOWN"))
            }
        }
    }
}
