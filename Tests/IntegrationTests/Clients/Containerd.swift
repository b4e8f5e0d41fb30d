import FoundationEssentials

/// containerd of a test's own, with a hosts file for each registry it is to reach through a mirror.
struct Containerd {
    let machine: ClosedMachine
    let folder: String
    /// The namespace in which clients reach the network, where it is not the machine's own.
    let network: String?
    private(set) var process: MachineProcess
    private let name: String
    var socket: String { "\(folder)/c.sock" }

    /// Starts it and waits until it answers.
    init(on machine: ClosedMachine, name: String = "containerd", network: String? = nil) async throws {
        self.machine = machine
        self.network = network
        self.name = name
        folder = try machine.scratch.folder(name)
        try writeText(
            """
            version = 2
            root = "\(folder)/root"
            state = "\(folder)/state"
            disabled_plugins = ["io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.devmapper",
                "io.containerd.snapshotter.v1.zfs", "io.containerd.snapshotter.v1.btrfs", "io.containerd.grpc.v1.cri"]
            [grpc]
              address = "\(folder)/c.sock"
            """, to: "\(folder)/config.toml")
        process = try Self.launch(on: machine, folder, name: name)
        try await waitUntilAnswering()
    }

    private static func launch(on machine: ClosedMachine, _ folder: String, name: String) throws -> MachineProcess {
        try machine.start("containerd", ["--config", "\(folder)/config.toml"], name: name)
    }

    func stop() async throws { try await process.stop() }

    /// Starts it again after ``stop()``, with all it had.
    mutating func start() async throws {
        process = try Self.launch(on: machine, folder, name: name)
        try await waitUntilAnswering()
    }

    private func waitUntilAnswering() async throws {
        try await eventually("containerd answers") {
            try await machine.run("ctr", ["--address", socket, "version"]).ending == .exited(0)
        }
    }

    /// Sends pulls from `host` to `mirror` (`http://127.0.0.1:5000`), and nowhere else.
    ///
    /// - Parameters:
    ///   - certificates: of whoever signed the mirror's certificate.
    ///   - client: what it is shown.
    func useMirror(
        _ mirror: String, for host: String, certificates: Certificates? = nil, client: Certificates.Identity? = nil
    ) throws {
        let directory = "\(folder)/hosts/\(host)"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        try writeText(
            """
            server = "http://127.0.0.1:1"
            [host."\(mirror)"]
              capabilities = ["pull", "resolve"]
            \(certificates.map { "  ca = \"\($0.authorityFile)\"" } ?? "")
            \(client.map { "  client = [[\"\($0.certificateFile)\", \"\($0.keyFile)\"]]" } ?? "")
            """, to: "\(directory)/hosts.toml")
    }

    /// Sends pulls from `host` to each of `hosts` in turn; the last stands in the place of the registry itself.
    func useHosts(_ hosts: [String], for host: String) throws {
        let directory = "\(folder)/hosts/\(host)"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        let blocks = hosts.dropLast().map { "[host.\"\($0)\"]\n  capabilities = [\"pull\", \"resolve\"]\n" }
        try writeText("server = \"\(hosts.last ?? "")\"\n" + blocks.joined(), to: "\(directory)/hosts.toml")
    }

    func pull(_ reference: String, options: [String] = []) async throws {
        try await control(["images", "pull", "--hosts-dir", "\(folder)/hosts"] + options + [reference])
    }

    /// Takes an image in from a layout's archive, under a name that no registry knows.
    func load(_ archive: String, as name: String) async throws {
        try await control(["images", "import", "--all-platforms", "--no-unpack", "--base-name", name, archive])
    }

    /// Where it keeps content.
    func file(of digest: String) -> String {
        "\(folder)/root/io.containerd.content.v1.content/blobs/sha256/\(digest.dropFirst("sha256:".count))"
    }

    /// Removes the image and the content that only it used.
    func remove(_ reference: String) async throws {
        try await control(["images", "rm", "--sync", reference])
    }

    /// Removes content from under the images that use it.
    func removeContent(_ digest: String) async throws { try await control(["content", "rm", digest]) }

    /// The digests of all content it holds. It has verified each.
    func contentDigests() async throws -> Set<String> {
        Set(try await control(["content", "ls", "-q"]).split(separator: "\n").map(String.init))
    }

    /// Runs the image's own command and returns what it wrote.
    func run(_ reference: String) async throws -> String {
        try await control(["run", "--rm", reference, "test-\(UInt32.random(in: 0...UInt32.max))"])
    }

    @discardableResult
    private func control(_ arguments: [String]) async throws -> String {
        let command = ["ctr", "--address", socket, "--namespace", machine.controlGroup] + arguments
        // `ctr` itself fetches, and not the daemon.
        let entrance = network.map { ["nsenter", "--net=/run/netns/\($0)"] } ?? []
        return try await machine.succeed(
            (entrance + command)[0], Array((entrance + command).dropFirst()), within: .seconds(90))
    }
}
