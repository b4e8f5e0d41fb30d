/// The Docker daemon of a test's own, with its own containerd.
struct Dockerd {
    let machine: ClosedMachine
    let folder: String
    let process: MachineProcess

    /// Starts it and waits until it answers.
    init(on machine: ClosedMachine, mirror: String, options: [String] = []) async throws {
        self.machine = machine
        folder = try machine.scratch.folder("dockerd")
        try writeText("{}", to: "\(folder)/daemon.json")
        process = try machine.start(
            "dockerd",
            [
                "--data-root", "\(folder)/data", "--exec-root", "\(folder)/exec", "--pidfile", "\(folder)/pid",
                "--host", "unix://\(folder)/s", "--config-file", "\(folder)/daemon.json", "--iptables=false",
                "--ip6tables=false", "--ip-forward=false", "--ip-masq=false", "--bridge=none",
                "--storage-driver=overlay2", "--cgroup-parent", "/\(machine.controlGroup)",
                "--registry-mirror", mirror,
            ] + options, name: "dockerd")
        let socket = "unix://\(folder)/s"
        let process = process
        try await eventually("dockerd answers", within: .seconds(40)) {
            if let ending = process.ending {
                throw MachineError.failed(
                    command: "dockerd", ending: ending, output: String(try readText(process.outputPath).suffix(4000)))
            }
            return try await machine.run("docker", ["--host", socket, "version"]).ending == .exited(0)
        }
    }

    func pull(_ reference: String) async throws { try await command(["pull", "--quiet", reference]) }

    func remove(_ reference: String) async throws { try await command(["image", "rm", "--force", reference]) }

    /// The digests under which the image was pulled, `docker.io/…@sha256:…`.
    func repositoryDigests(_ reference: String) async throws -> String {
        try await command(["image", "inspect", "--format", "{{join .RepoDigests \" \"}}", reference])
    }

    /// Runs the image's own command and returns what it wrote.
    func run(_ reference: String) async throws -> String {
        try await command(["run", "--rm", "--network", "none", reference])
    }

    @discardableResult
    private func command(_ arguments: [String]) async throws -> String {
        try await machine.succeed("docker", ["--host", "unix://\(folder)/s"] + arguments, within: .seconds(90))
    }
}
