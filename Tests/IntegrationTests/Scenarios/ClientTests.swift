import Testing

extension RealPrograms {
    /// Each client pulls cold, warm, and with the upstream stopped, in every way of addressing that it has.
    @Suite(.serialized)
    struct ClientTests {
        static let made = "registry.made-up.example"

        @Test(.needs(), .timeLimit(.minutes(2)))
        func `skopeo pulls by every address, and all share one store`() async throws {
            try await Stage.with { stage in
                let addresses = [
                    "127.0.0.1:5000/library/x", "127.0.0.1:5000/x", "127.0.0.1:5000/hub/library/x",
                    "127.0.0.1:5000/docker.io/library/x", "hub.weir.test:5000/library/x",
                ]
                let (isExact, cold) = try await stage.registry.requests {
                    try await stage.pullIsExact("\(addresses[0]):multi")
                }
                #expect(isExact)
                for content in stage.image.everything where content != stage.image.index {
                    #expect(cold.gets(of: content.digest).count == 1)
                }
                let (_, warm) = try await stage.registry.requests { () async throws in
                    for address in addresses { #expect(try await stage.pullIsExact("\(address):multi"), "\(address)") }
                }
                #expect(warm == [], "a fresh hit asks the upstream nothing")
                try await stage.registry.stop()
                for address in addresses {
                    #expect(try await stage.pullIsExact("\(address):multi"), "\(address), upstream stopped")
                    #expect(
                        try await stage.pullIsExact("\(address)@\(stage.image.index.digest)"),
                        "\(address) by digest, upstream stopped")
                }
            }
        }

        @Test(.needs(.containerd, .ctr), .timeLimit(.minutes(2)))
        func `containerd pulls with ns, and runs the image`() async throws {
            try await Stage.with { stage in
                let containerd = try await Containerd(on: stage.machine)
                try containerd.useMirror(stage.weir.origin, for: "docker.io")
                let reference = "docker.io/library/x:multi"
                let native = try stage.image.native
                let all = Set([stage.image.index, native.manifest, native.config] + native.layers).map(\.digest)
                func pullAndCheck() async throws {
                    try await containerd.pull(reference)
                    #expect(try await containerd.contentDigests().isSuperset(of: all))
                    #expect(try await containerd.run(reference) == "\(hostArchitecture)\n")
                    try await containerd.remove(reference)
                    #expect(try await containerd.contentDigests() == [])
                }
                let (_, cold) = try await stage.registry.requests { try await pullAndCheck() }
                #expect(cold.gets(of: native.layers[2].digest).count == 1)
                let foreign = try stage.image.foreign
                #expect(cold.gets(of: foreign.manifest.digest) == [], "children come for the platform pulled alone")
                #expect(cold.gets(of: foreign.layers[2].digest) == [])
                let (_, warm) = try await stage.registry.requests { try await pullAndCheck() }
                #expect(warm == [])
                try await stage.registry.stop()
                try await pullAndCheck()
            }
        }

        @Test(.needs(.containerd, .ctr), .timeLimit(.minutes(2)))
        func `containerd pulls from several registries through one mirror`() async throws {
            try await ClosedMachine.with { machine in
                let hub = try await RealRegistry(on: machine)
                let other = try await RealRegistry(on: machine, name: "other", port: 5002)
                // The same name with other content behind each registry.
                let factory = ImageFactory(machine: machine)
                let images = (try await factory.make("hub"), try await factory.make("other"))
                try await hub.push(images.0, as: "library/x")
                try await other.push(images.1, as: "library/x")
                let weir = try WeirProcess(
                    on: machine,
                    WeirConfiguration(rules: [
                        .hub(hub.origin), .init(name: "other", registry: other.origin, host: Self.made),
                    ]))
                try await weir.start()
                let containerd = try await Containerd(on: machine)
                for host in ["docker.io", Self.made] { try containerd.useMirror(weir.origin, for: host) }
                for round in ["cold", "upstreams stopped"] {
                    for (host, image) in [("docker.io", images.0), (Self.made, images.1)] {
                        try await containerd.pull("\(host)/library/x:multi")
                        let held = try await containerd.contentDigests()
                        #expect(try held.isSuperset(of: image.native.layers.map(\.digest)), "\(host), \(round)")
                        try await containerd.remove("\(host)/library/x:multi")
                    }
                    try await hub.stop()
                    try await other.stop()
                }
            }
        }

        @Test(.needs(.dockerd, .docker, .containerd), .timeLimit(.minutes(2)))
        func `dockerd pulls through a registry mirror, and runs the image`() async throws {
            try await Stage.with { stage in
                let dockerd = try await Dockerd(on: stage.machine, mirror: stage.weir.origin)
                func pullAndCheck() async throws {
                    try await dockerd.pull("x:multi")
                    #expect(try await dockerd.run("x:multi") == "\(hostArchitecture)\n")
                    #expect(try await dockerd.repositoryDigests("x:multi").contains(stage.image.index.digest))
                    try await dockerd.remove("x:multi")
                }
                let (_, cold) = try await stage.registry.requests { try await pullAndCheck() }
                #expect(cold.gets(of: try stage.image.native.layers[2].digest).count == 1)
                #expect(cold.gets(of: try stage.image.foreign.manifest.digest) == [])
                let (_, warm) = try await stage.registry.requests { try await pullAndCheck() }
                #expect(warm == [])
                try await stage.registry.stop()
                try await pullAndCheck()
            }
        }

        @Test(.needs(.podman), .timeLimit(.minutes(2)))
        func `podman pulls by mirrors with a path, and runs the image`() async throws {
            try await ClosedMachine.with { machine in
                let upstream = try await RealRegistry(on: machine)
                let image = try await ImageFactory(machine: machine).make("x")
                try await upstream.push(image, as: "library/x")
                let weir = try WeirProcess(
                    on: machine,
                    WeirConfiguration(rules: [
                        .hub(upstream.origin),
                        .init(name: "other", registry: "http://localhost:5001", host: Self.made),
                    ]))
                try await weir.start()
                let podman = try Podman(
                    on: machine,
                    mirrors: [
                        "docker.io": "\(weir.authority)/docker.io", Self.made: "\(weir.authority)/\(Self.made)",
                    ])
                for round in ["cold", "warm", "upstream stopped"] {
                    if round == "upstream stopped" { try await upstream.stop() }
                    for host in ["docker.io", Self.made] {
                        let reference = "\(host)/library/x:multi"
                        try await podman.pull(reference)
                        #expect(try await podman.run(reference) == "\(hostArchitecture)\n", "\(host), \(round)")
                        let digests = try await podman.repositoryDigests(reference)
                        #expect(digests.contains(try image.native.manifest.digest), "\(host), \(round)")
                        try await podman.remove(reference)
                    }
                }
            }
        }
    }
}
