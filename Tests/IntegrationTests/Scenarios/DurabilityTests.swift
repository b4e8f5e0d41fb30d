import FoundationEssentials
import Testing

extension RealPrograms {
    /// What is left after the worst.
    @Suite(.serialized)
    struct DurabilityTests {
        @Test(.needs(.nginx), .timeLimit(.minutes(5)))
        func `after a hundred kills at random moments every byte is right, and nothing is left behind`() async throws {
            try await ClosedMachine.with { machine in
                let registry = try await RealRegistry(on: machine)
                let blobs = try (0..<200).map { _ in
                    try registry.place(try random(.random(in: 100_000...600_000)), in: Stage.repository)
                }
                // A fill of the largest takes a fifth of a second.
                let slow = try await Nginx.slow(registry, rate: "3m")
                let weir = try WeirProcess(on: machine, WeirConfiguration(rules: [.hub(slow.origin)]))
                func url(_ blob: Content) -> String { "\(weir.origin)/v2/\(Stage.repository)/blobs/\(blob.digest)" }

                var complete = 0
                for round in 0..<100 {
                    try weir.launch()
                    // One in ten falls while it starts.
                    guard round % 10 != 9 else {
                        try await Task.sleep(for: .milliseconds(Int.random(in: 0...150)))
                        weir.kill()
                        continue
                    }
                    try await weir.waitUntilListening()
                    // New ones, and some that earlier rounds may have stored.
                    let wanted =
                        blobs[(round * 2)..<(round * 2 + 2)]
                        + (0..<4).map { _ in blobs[Int.random(in: 0...(round * 2 + 1))] }
                    let addresses = wanted.map(url)
                    async let fetched = machine.requestTogether(addresses, within: .seconds(10))
                    try await Task.sleep(for: .milliseconds(Int.random(in: 0...350)))
                    weir.kill()
                    for (blob, answer) in zip(wanted, try await fetched) where answer.isComplete && answer.status == 200
                    {
                        #expect(contentDigest(answer.body) == blob.digest, "round \(round)")
                        complete += 1
                    }
                }
                // Else the moments were chosen badly, and nothing was tested.
                #expect(complete > 50)

                try await weir.start()
                #expect(try weir.unfinishedFiles() == [])
                for start in stride(from: 0, to: blobs.count, by: 50) {
                    let wanted = blobs[start..<start + 50]
                    for (blob, answer) in zip(wanted, try await machine.requestTogether(wanted.map(url))) {
                        #expect(answer.status == 200 && answer.isComplete)
                        #expect(contentDigest(answer.body) == blob.digest)
                    }
                }
                try await eventually("no fill is unfinished") { try weir.unfinishedFiles() == [] }
                try await weir.stop()
                let checked = try await weir.command(["fsck"])
                #expect(checked.ending == .exited(0), "\(checked.output)\(checked.errors)")
            }
        }

        @Test(.needs(), .timeLimit(.minutes(1)))
        func `a second process on the same store refuses to start and says why`() async throws {
            try await Stage.with { stage in
                var configuration = stage.weir.configuration
                configuration.port = 5050
                configuration.directory = stage.weir.directory
                let second = try WeirProcess(on: stage.machine, configuration, name: "second")
                try second.launch()
                let ending = try #require(try await second.ending(within: .seconds(20)))
                guard case .exited(let code) = ending else {
                    Issue.record("ended with \(ending): \(second.log)")
                    return
                }
                #expect(code != 0)
                #expect(second.log.contains(stage.weir.directory), "the message names the store: \(second.log)")
                #expect(try !stage.machine.isListening(port: 5050))
                #expect(try await stage.pullIsExact(), "the first goes on")
            }
        }

        @Test(.needs(), .timeLimit(.minutes(1)))
        func `a damaged blob heals by the next pull`() async throws {
            try await Stage.with { stage in
                #expect(try await stage.pullIsExact())
                let blob = try stage.image.native.layers[2]
                try await stage.weir.stop()
                try stage.weir.damage(blob)
                try await stage.weir.start()
                let answer = try await stage.machine.request(stage.url(blob: blob))
                #expect(answer.status == 200 && contentDigest(answer.body) == blob.digest)
            }
        }
    }
}
