internal import ArgumentParser
internal import ControlServer
internal import RegistryServer

struct NodeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "node", abstract: "Share this machine's images with its peers, and take theirs.",
        discussion: """
            Speaks Spegel's protocol: nodes of Weir, of Spegel and of K3s's embedded mirror find each other. Keeps nothing \
            but the node's identity.
            """,
        subcommands: [NodeRunCommand.self, NodeStatusCommand.self, NodeFindCommand.self, NodeMeasureCommand.self],
        defaultSubcommand: NodeRunCommand.self)
}

struct NodeRunCommand: ServiceCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Share images until SIGTERM or SIGINT. What 'weir node' alone does.")

    @OptionGroup var options: ConfigurationOptions
    @Option(
        help: ArgumentHelp(
            "The least that is logged: \(LogSettings.levels.joined(separator: ", ")).", valueName: "level"),
        completion: .list(LogSettings.levels))
    var logLevel: String?
    @Option(help: ArgumentHelp("Where containerd and peers find its registry.", valueName: "host:port"))
    var listen: [String] = []
    @Option(
        help: ArgumentHelp(
            "A peer to begin with, such as /ip4/10.0.0.5/tcp/5001; may be given several times.", valueName: "address"))
    var bootstrap: [String] = []
    @Option(help: ArgumentHelp("A name of DNS whose addresses are peers.", valueName: "name"))
    var bootstrapName: String?
    @Option(help: ArgumentHelp("A URL that tells peers, such as Spegel's /id.", valueName: "url"))
    var bootstrapUrl: String?
    @Option(help: ArgumentHelp("A server of K3s that tells peers: https://10.0.0.1:6443.", valueName: "url"))
    var k3sServer: String?
    @Flag(help: "Find peers by the annotations that K3s keeps on its nodes.")
    var k3sAnnotations = false
    @Option(help: ArgumentHelp("Where the node's identity is kept.", valueName: "path"), completion: .directory)
    var directory: String?
    @Option(help: ArgumentHelp("The control socket.", valueName: "path"), completion: .file())
    var socket: String?

    private var flags: [(name: String, path: [String], value: String)] {
        let lists = [
            ("--listen", ["node", "listen"], listen), ("--bootstrap", ["node", "peers", "bootstrap"], bootstrap),
        ]
        let single: [(String, [String], String?)] = [
            ("--log-level", ["log", "level"], logLevel),
            ("--bootstrap-name", ["node", "peers", "bootstrapName"], bootstrapName),
            ("--bootstrap-url", ["node", "peers", "bootstrapURL"], bootstrapUrl),
            ("--k3s-server", ["node", "peers", "k3s", "server"], k3sServer),
            ("--k3s-annotations", ["node", "peers", "k3s", "annotations"], k3sAnnotations ? "true" : nil),
            ("--directory", ["node", "directory"], directory), ("--socket", ["node", "socket"], socket),
        ]
        return lists.filter { !$0.2.isEmpty }.map { ($0.0, $0.1, $0.2.joined(separator: ",")) }
            + single.compactMap { name, path, value in value.map { (name, path, $0) } }
    }

    func run() async throws {
        let loaded = try options.load(flags: flags)
        let service = loaded.service
        try await NodeRun.run(
            service.node, sharing: service.node.store == nil ? nil : service, log: service.log,
            warnings: loaded.warnings)
    }
}

/// Runs a node in this process, however it was configured.
enum NodeRun {
    /// - Parameter service: whose store is shared; nil for containerd's images.
    static func run(
        _ configuration: NodeConfiguration, sharing service: ServiceConfiguration? = nil, log: ServiceConfiguration.Log,
        warnings: [ConfigurationProblem] = []
    ) async throws {
        let telemetry = Telemetry(log, warnings: warnings)
        var store: ClosedStore?
        if let service { store = try await ClosedStore(service, logger: telemetry.logger) }
        let node = try NodeService(configuration, store: store, telemetry)
        let announcement = Announcement(
            program: "weir node \(Version.text)", scheme: configuration.server.tls == nil ? "http" : "https")
        try await node.run { announcement.make($0) }
    }
}

/// How a command finds the running node.
struct NodeOptions: ParsableArguments {
    @OptionGroup var configuration: ConfigurationOptions
    @Option(
        help: ArgumentHelp("The node's control socket; else the one of the configuration.", valueName: "path"),
        completion: .file())
    var socket: String?

    func client() throws(CommandFailure) -> ControlClient {
        if let socket, !socket.isEmpty { return client(of: resolved(socket, in: workingDirectory())) }
        return client(of: try configuration.load().service.node.controlSocket)
    }

    private func client(of socket: String) -> ControlClient { ControlClient(socket: socket, service: "weir node") }
}

struct NodeStatusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status", abstract: "Show who the node is, what it advertises, and which peers it knows.")

    @OptionGroup var node: NodeOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let status = try await node.client().request(.get, "/v1/node/status", as: NodeStatusDocument.self)
        try output.write(status) { NodeText.status(status) }
    }
}

/// An image as a node knows it: rules are the central Weir's.
struct NodeReferenceArgument: ParsableArguments {
    @Argument(
        help: ArgumentHelp(
            "An image, such as nginx, ghcr.io/a/b:1 or quay.io/c/d@sha256:…; for 'find' a digest alone as well.",
            valueName: "ref"))
    var reference: String
}

struct NodeFindCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "find", abstract: "Tell which peers say to have an image or a digest, and how long that took.")

    @OptionGroup var reference: NodeReferenceArgument
    @OptionGroup var node: NodeOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let find = try await node.client().request(
            .get, "/v1/node/find", query: [("reference", reference.reference)], as: NodeFindDocument.self)
        try output.write(find) { NodeText.findings(find) }
        guard !find.peers.isEmpty || find.isHere else {
            throw CommandFailure(.notFound, "neither a peer nor this node has \(find.key)")
        }
    }
}

struct NodeMeasureCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "measure",
        abstract: "Pull an image through the node, keep nothing, and tell how long each part took.")

    @OptionGroup var reference: NodeReferenceArgument
    @OptionGroup var node: NodeOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let client = try node.client()
        let reference = reference.reference
        let measure = try await Progress().during("Pulling \(reference)") {
            try await client.request(
                .post, "/v1/node/measure", query: [("reference", reference)], timeout: .seconds(3600),
                as: NodeMeasureDocument.self)
        }
        try output.write(measure) { NodeText.measurement(measure) }
    }
}
