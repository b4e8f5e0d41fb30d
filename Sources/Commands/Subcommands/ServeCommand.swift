internal import ArgumentParser
internal import Logging
internal import RegistryServer

struct ServeCommand: ServiceCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve", abstract: "Serve images, until SIGTERM or SIGINT.",
        discussion: """
            Prints one line to standard output once clients can connect; logs go to standard error. Contacts no upstream \
            at start. SIGHUP reloads the configuration without dropping a connection. At the end running transfers are \
            let finish, for 'timeouts.drain' at the longest.
            """)

    @OptionGroup var options: ConfigurationOptions
    @Option(help: ArgumentHelp("Where clients connect; may be given several times.", valueName: "host:port"))
    var listen: [String] = []
    @Option(help: ArgumentHelp("Where blobs and catalogue are kept.", valueName: "path"), completion: .directory)
    var storageDirectory: String?
    @Option(help: ArgumentHelp("What the store is kept under: 200GiB, or 80%.", valueName: "size"))
    var storageLimit: String?
    @Option(help: ArgumentHelp("The control socket.", valueName: "path"), completion: .file())
    var socket: String?
    @Option(
        help: ArgumentHelp(
            "The least that is logged: \(LogSettings.levels.joined(separator: ", ")).", valueName: "level"),
        completion: .list(LogSettings.levels))
    var logLevel: String?
    @Option(help: ArgumentHelp("text or json.", valueName: "format"), completion: .list(["text", "json"]))
    var logFormat: String?

    private var flags: [(name: String, path: [String], value: String)] {
        var flags: [(name: String, path: [String], value: String)] = []
        if !listen.isEmpty { flags.append(("--listen", ["listen"], listen.joined(separator: ","))) }
        let single: [(String, [String], String?)] = [
            ("--storage-directory", ["storage", "directory"], storageDirectory),
            ("--storage-limit", ["storage", "limit"], storageLimit), ("--socket", ["control", "socket"], socket),
            ("--log-level", ["log", "level"], logLevel), ("--log-format", ["log", "format"], logFormat),
        ]
        for (name, path, value) in single {
            if let value { flags.append((name, path, value)) }
        }
        return flags
    }

    func run() async throws {
        let start = ContinuousClock.now
        let loaded = try options.load(flags: flags)
        let configuration = loaded.service
        let telemetry = Telemetry(configuration.log, warnings: loaded.warnings)
        let service = try await WeirService(configuration, loader: options.loader(flags: flags), telemetry)
        let announcement = Announcement(
            program: "weir \(Version.text)", scheme: configuration.server.tls == nil ? "http" : "https", start: start)
        try await service.run { announcement.make($0) }
    }
}
