import Testing

extension RealPrograms {
    /// What each client does where Weir's upstream gives no more pulls and nothing is cached, under `fail: closed` (429)
    /// and `fail: open` (403). The machine has no way out, so that a client that leaves for the registry says so.
    @Suite(.serialized)
    struct ExhaustedUpstreamTests {
        private static func with(
            fail: String, _ body: (ClosedMachine, WeirProcess) async throws -> Void
        ) async throws {
            try await ClosedMachine.with { machine in
                let spent = try await Nginx(
                    on: machine, name: "spent", port: 5001,
                    locations: """
                        location = /v2/ { return 200; }
                        location / {
                            default_type application/json;
                            add_header ratelimit-limit "100;w=21600" always;
                            add_header ratelimit-remaining "0;w=21600" always;
                            add_header docker-ratelimit-source 192.0.2.1 always;
                            return 429 '{"errors":[{"code":"TOOMANYREQUESTS","message":"You have reached your pull rate limit."}]}';
                        }
                        """)
                var rule = WeirConfiguration.Rule.hub(spent.origin)
                rule.fail = fail
                let weir = try WeirProcess(on: machine, WeirConfiguration(rules: [rule]))
                try await weir.start()
                try await body(machine, weir)
                // Once it is known that nothing is left, nobody is asked.
                #expect(try spent.requests().count { $0.method == "GET" && $0.path.contains("/manifests/") } <= 1)
            }
        }

        private static func refusal(_ pull: () async throws -> Void) async -> String {
            do {
                try await pull()
                return "(pulled)"
            } catch MachineError.failed(_, _, let output) {
                return output
            } catch {
                return "\(error)"
            }
        }

        @Test(.needs(.dockerd, .docker, .containerd), .timeLimit(.minutes(2)))
        func `dockerd goes to Docker Hub itself either way`() async throws {
            for fail in ["closed", "open"] {
                try await Self.with(fail: fail) { machine, weir in
                    let dockerd = try await Dockerd(on: machine, mirror: weir.origin)
                    let output = await Self.refusal { try await dockerd.pull("x:multi") }
                    // Docker Engine 20.10 passes over whatever a mirror says, TOOMANYREQUESTS as well.
                    #expect(output.contains("registry-1.docker.io"), "\(fail): \(output)")
                }
            }
        }

        @Test(.needs(.containerd, .ctr), .timeLimit(.minutes(2)))
        func `containerd goes to its next host either way, and is held where there is none`() async throws {
            for fail in ["closed", "open"] {
                try await Self.with(fail: fail) { machine, weir in
                    let registry = try await RealRegistry(on: machine, name: "next", port: 5002)
                    let image = try await ImageFactory(machine: machine).make("x")
                    try await registry.push(image, as: Stage.repository)
                    let containerd = try await Containerd(on: machine)
                    // Nothing listens at the last one.
                    try containerd.useHosts([weir.origin, "http://127.0.0.1:1"], for: "docker.io")
                    let held = await Self.refusal { try await containerd.pull("docker.io/library/x:multi") }
                    #expect(held != "(pulled)")
                    #expect(held.contains(fail == "closed" ? "429" : "403"), "\(fail): \(held)")
                    try containerd.useHosts([weir.origin, registry.origin], for: "docker.io")
                    let led = await Self.refusal { try await containerd.pull("docker.io/library/x:multi") }
                    #expect(led == "(pulled)", "\(fail): \(led)")
                }
            }
        }

        @Test(.needs(.podman), .timeLimit(.minutes(2)))
        func `podman waits under closed, and goes to the registry itself under open`() async throws {
            for fail in ["closed", "open"] {
                try await Self.with(fail: fail) { machine, weir in
                    let podman = try Podman(on: machine, mirrors: ["docker.io": "\(weir.authority)/docker.io"])
                    let output = await Self.refusal {
                        try await podman.pull("docker.io/library/x:multi", within: .seconds(fail == "open" ? 60 : 10))
                    }
                    if fail == "open" {
                        // It names every mirror that it tried, and the registry last.
                        #expect(output.contains("registry-1.docker.io"), "\(output)")
                    } else {
                        // It does as Retry-After says, for a minute at a time.
                        #expect(output.hasPrefix("timedOut"), "\(output)")
                    }
                }
            }
        }
    }
}
