import FoundationEssentials
import Testing

extension RealPrograms {
    /// The commands of the quick start, as somebody at a terminal uses them.
    @Suite(.serialized)
    struct CommandTests {
        @Test(.needs(), .timeLimit(.minutes(2)))
        func `every command of the quick start succeeds against a running service`() async throws {
            try await Stage.with { stage in
                #expect(try await stage.pullIsExact())
                let reference = "docker.io/library/x:multi"
                let commands = [
                    ["version"], ["config", "check"], ["config", "check", stage.weir.configurationPath],
                    ["config", "show"], ["status"], ["explain", reference], ["explain", "x:multi"],
                    ["gc", "--dry-run"], ["pin", reference], ["refresh", reference], ["evict", reference], ["gc"],
                ]
                for command in commands {
                    let result = try await stage.weir.command(command)
                    #expect(result.ending == .exited(0), "\(result.command): \(result.output)\(result.errors)")
                    #expect(!result.output.isEmpty, "\(result.command) says something")
                }
                try await stage.weir.stop()
                let checked = try await stage.weir.command(["fsck"])
                #expect(checked.ending == .exited(0), "\(checked.output)\(checked.errors)")
                #expect(!checked.output.isEmpty, "fsck says something")
            }
        }

        @Test(.needs(), .timeLimit(.minutes(1)), arguments: ["docker", "containerd", "k3s", "podman", "crio"])
        func `client configuration is printed for each client`(client: String) async throws {
            try await Stage.with { stage in
                let result = try await stage.weir.command(["client-config", client])
                #expect(result.ending == .exited(0), "\(result.errors)")
                #expect(result.output.contains("5000"))
            }
        }

        @Test(
            .needs(), .timeLimit(.minutes(1)),
            arguments: [["status"], ["explain", "x:multi"], ["gc", "--dry-run"], ["version"]])
        func `what a command tells can be read by programs`(command: [String]) async throws {
            try await Stage.with { stage in
                _ = try await stage.manifest("multi")
                let result = try await stage.weir.command(command + ["--json"])
                #expect(result.ending == .exited(0), "\(result.errors)")
                #expect((try? JSONDecoder().decode([String: AnyJSON].self, from: Data(result.output.utf8))) != nil)
            }
        }

        @Test(.needs(), .timeLimit(.minutes(1)))
        func `evicting an image frees its disk space`() async throws {
            try await Stage.with(layerBytes: 4 << 20) { stage in
                #expect(try await stage.pullIsExact())
                let blob = try stage.image.native.layers[2]
                #expect(try stage.weir.isStored(blob))
                let result = try await stage.weir.command(["evict", "docker.io/library/x:multi"])
                #expect(result.ending == .exited(0), "\(result.errors)")
                try await eventually("the blob's file is gone") { try !stage.weir.isStored(blob) }
                #expect(try await stage.pullIsExact(), "and it comes again when it is asked for")
            }
        }

        @Test(.needs(), .timeLimit(.minutes(1)))
        func `a blob that two repositories share survives the eviction of one`() async throws {
            try await Stage.with { stage in
                try await stage.registry.push(stage.image, as: "library/other")
                let other = "\(stage.weir.authority)/library/other:multi"
                #expect(try await stage.pullIsExact())
                #expect(try await stage.pullIsExact(other))
                let result = try await stage.weir.command(["evict", "docker.io/library/x:multi"])
                #expect(result.ending == .exited(0), "\(result.errors)")
                _ = try await stage.weir.command(["gc"])
                try await stage.registry.stop()
                #expect(try await stage.pullIsExact(other))
            }
        }

        @Test(.needs(), .timeLimit(.minutes(1)))
        func `fsck finds an altered blob, and the next pull brings it anew`() async throws {
            try await Stage.with { stage in
                #expect(try await stage.pullIsExact())
                try await stage.weir.stop()
                let blob = try stage.image.native.layers[2]
                try stage.weir.damage(blob)
                let found = try await stage.weir.command(["fsck"])
                #expect((found.output + found.errors).contains(blob.digest), "it names the blob")
                _ = try await stage.weir.command(["fsck", "--repair"])
                let clean = try await stage.weir.command(["fsck"])
                #expect(clean.ending == .exited(0), "\(clean.output)\(clean.errors)")
                try await stage.weir.start()
                #expect(try await stage.pullIsExact())
            }
        }

        @Test(.needs(), .timeLimit(.minutes(1)))
        func `a command without a service says so and fails`() async throws {
            try await Stage.with { stage in
                try await stage.weir.stop()
                let result = try await stage.weir.command(["status"], within: .seconds(10))
                #expect(result.ending != .exited(0))
                #expect(!result.errors.isEmpty)
            }
        }

        @Test(.needs(), .timeLimit(.minutes(1)))
        func `metrics count what was served`() async throws {
            try await Stage.with { stage in
                #expect(try await stage.pullIsExact())
                let answer = try await stage.machine.request("\(stage.weir.origin)/metrics")
                #expect(answer.status == 200)
                #expect(answer.text.contains("# TYPE weir_"))
                #expect(try await stage.machine.request("\(stage.weir.origin)/healthz").status == 200)
            }
        }
    }
}

/// Any JSON value; only that it is one matters.
private struct AnyJSON: Decodable {
    init(from decoder: any Decoder) throws {}
}
