/// podman with storage and a registries.conf of a test's own.
struct Podman {
    let machine: ClosedMachine
    let folder: String

    /// - Parameter mirrors: where pulls from a host go instead: `docker.io` to `127.0.0.1:5000/docker.io`.
    init(on machine: ClosedMachine, mirrors: [String: String]) throws {
        self.machine = machine
        folder = try machine.scratch.folder("podman")
        let blocks = mirrors.map { host, location in
            """
            [[registry]]
            prefix = "\(host)"
            location = "\(host)"
            [[registry.mirror]]
            location = "\(location)"
            insecure = true
            """
        }
        try writeText(blocks.joined(separator: "\n"), to: "\(folder)/registries.conf")
        try writeText(#"{"default": [{"type": "insecureAcceptAnything"}]}"#, to: "\(folder)/policy.json")
    }

    func pull(_ reference: String, options: [String] = [], within bound: Duration = .seconds(90)) async throws {
        try await command(
            ["pull", "--quiet", "--signature-policy", "\(folder)/policy.json"] + options + [reference], within: bound)
    }

    func remove(_ reference: String) async throws { try await command(["image", "rm", "--force", reference]) }

    /// The digests under which the image is known, of the index and of the platform's manifest.
    func repositoryDigests(_ reference: String) async throws -> String {
        try await command(["image", "inspect", "--format", "{{join .RepoDigests \" \"}}", reference])
    }

    /// Runs the image's own command and returns what it wrote.
    func run(_ reference: String) async throws -> String {
        try await command([
            "run", "--rm", "--cgroups", "no-conmon", "--cgroup-parent", "/\(machine.controlGroup)", "--pull", "never",
            "--network", "none", "--ulimit",
            "nofile=1024:1024",
            "--ulimit", "nproc=1024:1024", reference,
        ])
    }

    /// Starts the image's own command; it goes on until it is stopped or the machine goes.
    func start(_ reference: String, options: [String]) throws -> MachineProcess {
        try machine.start(
            "podman",
            storage + [
                "run", "--rm", "--quiet", "--cgroups", "no-conmon", "--cgroup-parent", "/\(machine.controlGroup)",
                "--signature-policy", "\(folder)/policy.json", "--ulimit", "nofile=1024:1024", "--ulimit",
                "nproc=1024:1024",
            ] + options + [reference], name: "podman-run",
            environment: ["CONTAINERS_REGISTRIES_CONF": "\(folder)/registries.conf"])
    }

    private var storage: [String] {
        [
            "--root", "\(folder)/root", "--runroot", "\(folder)/run", "--tmpdir", "\(folder)/tmp",
            "--storage-driver", "vfs", "--events-backend", "file", "--cgroup-manager", "cgroupfs",
        ]
    }

    @discardableResult
    private func command(_ arguments: [String], within bound: Duration = .seconds(90)) async throws -> String {
        try await machine.succeed(
            "podman",
            storage + arguments, environment: ["CONTAINERS_REGISTRIES_CONF": "\(folder)/registries.conf"],
            within: bound)
    }
}
