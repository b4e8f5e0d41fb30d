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

struct NodeRunCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Share images until SIGTERM or SIGINT. What 'weir node' alone does.")

    @OptionGroup var options: ConfigurationOptions
    @Option(
        help: ArgumentHelp(
            "The least that is logged: \(LogSettings.levels.joined(separator: ", ")).", valueName: "level"),
        completion: .list(LogSettings.levels))
    var logLevel: String?

    func run() async throws {
        let loaded = try options.load(flags: logLevel.map { [("--log-level", ["log", "level"], $0)] } ?? [])
        try await NodeRun.run(loaded.service.node, log: loaded.service.log, warnings: loaded.warnings)
    }
}

/// Runs a node in this process, however it was configured.
enum NodeRun {
    static func run(
        _ configuration: NodeConfiguration, log: ServiceConfiguration.Log, warnings: [ConfigurationProblem] = []
    ) async throws {
        let telemetry = Telemetry(log, warnings: warnings)
        let service = try NodeService(configuration, metrics: telemetry.metrics, logger: telemetry.logger)
        let announcement = Announcement(
            program: "weir node \(Version.text)", scheme: configuration.server.tls == nil ? "http" : "https")
        try await service.run { announcement.make($0) }
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
        if let socket, !socket.isEmpty { return ControlClient(socket: resolved(socket, in: workingDirectory())) }
        return ControlClient(socket: try configuration.load().service.node.controlSocket)
    }
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

struct NodeFindCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "find", abstract: "Tell which peers say to have an image or a digest, and how long that took.")

    @OptionGroup var reference: ReferenceArgument
    @OptionGroup var node: NodeOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let find = try await node.client().request(
            .get, "/v1/node/find", query: [("reference", reference.reference)], as: NodeFindDocument.self)
        try output.write(find) { NodeText.findings(find) }
    }
}

struct NodeMeasureCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "measure",
        abstract: "Pull an image through the node, keep nothing, and tell how long each part took.")

    @OptionGroup var reference: ReferenceArgument
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
