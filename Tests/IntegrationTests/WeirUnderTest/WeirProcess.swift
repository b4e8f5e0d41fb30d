import FoundationEssentials
import Glibc

/// The `weir` that was built with these tests, serving in a closed machine.
final class WeirProcess {
    let machine: ClosedMachine
    let directory: String
    let configurationPath: String
    private(set) var configuration: WeirConfiguration
    private let socket: String
    private var process: MachineProcess?

    var authority: String { "127.0.0.1:\(configuration.port)" }
    var origin: String { "\(configuration.identity == nil ? "http" : "https")://\(authority)" }

    /// The binary beside the test bundle, or what `WEIR` names.
    static var binary: String {
        get throws {
            if let path = ProcessInfo.processInfo.environment["WEIR"] { return path }
            var buffer = [UInt8](repeating: 0, count: 4096)
            let count = readlink("/proc/self/exe", &buffer, buffer.count)
            let own = String(decoding: buffer.prefix(max(0, count)), as: UTF8.self)
            let beside = own.split(separator: "/").dropLast().map { "/\($0)" }.joined() + "/weir"
            guard access(beside, X_OK) == 0 else { throw MachineError.missing(program: beside) }
            return beside
        }
    }

    /// Writes the configuration; ``start()`` serves.
    init(on machine: ClosedMachine, _ configuration: WeirConfiguration, name: String = "weir") throws {
        self.machine = machine
        self.configuration = configuration
        directory = try configuration.directory ?? machine.scratch.folder("\(name)-store")
        configurationPath = "\(machine.scratch.path)/\(name).yaml"
        socket = "\(machine.scratch.path)/\(name).sock"
        try configure(configuration)
    }

    /// Writes another configuration. A running process does not know of it before ``reload()``.
    func configure(_ configuration: WeirConfiguration) throws {
        self.configuration = configuration
        try writeText(configuration.text(directory: directory, socket: socket), to: configurationPath)
    }

    /// Starts it without waiting for anything.
    func launch() throws {
        process = try machine.start(
            Self.binary, ["serve", "--config", configurationPath], name: logName, environment: Self.environment)
    }

    /// Starts it and waits until it says that it is ready.
    func start() async throws {
        try launch()
        try await waitUntilListening()
        try await eventually("weir is ready") {
            try checkIsRunning()
            return try await machine.request("\(origin)/readyz", options: ["--insecure"]).status == 200
        }
    }

    func waitUntilListening() async throws {
        try await eventually("weir listens") {
            try checkIsRunning()
            return try machine.isListening(port: configuration.port)
        }
    }

    /// Ends it with SIGTERM; it has to exit with 0.
    func stop(within bound: Duration = .seconds(40)) async throws {
        guard let process else { return }
        try await process.send(SIGTERM)
        let ending = try await process.ending(within: bound)
        guard ending == .exited(0) else { throw failure(ending) }
        self.process = nil
    }

    /// Sends SIGTERM and does not wait.
    func beginShutdown() async throws { try await process?.send(SIGTERM) }

    func ending(within bound: Duration) async throws -> ManagedProcess.Ending? {
        try await process?.ending(within: bound)
    }

    func reload() async throws { try await process?.send(SIGHUP) }

    /// Ends it with SIGKILL.
    func kill() {
        process?.kill()
        process = nil
    }

    /// Runs a command of weir's, such as `["status"]`, against this service.
    func command(_ arguments: [String], within bound: Duration = .seconds(30)) async throws -> CommandResult {
        try await machine.run(
            Self.binary, arguments,
            environment: Self.environment.merging(["WEIR_CONFIG": configurationPath, "WEIR_SOCKET": socket]) { $1 },
            within: bound)
    }

    /// Everything it wrote so far, over all its starts.
    var log: String { (try? readText(machine.logPath(logName))) ?? "" }

    /// What is worth reading of the log: the beginning of a crash, where there was one, else the log's end.
    var logEnd: String {
        let log = log
        guard let crash = log.firstRange(of: "Fatal error") ?? log.firstRange(of: "*** Program crashed") else {
            return String(log.suffix(3000))
        }
        return String(log[crash.lowerBound...].prefix(3000))
    }

    /// Files that an unfinished fill left.
    func unfinishedFiles() throws -> [String] {
        try files(under: directory).filter { $0.split(separator: "/").dropLast().contains("ingest") }
    }

    /// Whether the store holds `content`.
    func isStored(_ content: Content) throws -> Bool {
        let name = content.digest.dropFirst("sha256:".count)
        return try files(under: directory).contains { $0.hasSuffix("/\(name)") }
    }

    /// Changes the last bytes of a stored blob, as a disk does that fails silently; its length stays.
    func damage(_ content: Content) throws {
        let name = content.digest.dropFirst("sha256:".count)
        guard let path = try files(under: directory).first(where: { $0.hasSuffix("/\(name)") }) else {
            throw MachineError.unreadable(path: content.digest)
        }
        let descriptor = open("\(directory)/\(path)", O_WRONLY | O_CLOEXEC)
        defer { close(descriptor) }
        let noise: [UInt8] = [0, 1, 2, 3, 4, 5, 6, 7]
        guard pwrite(descriptor, noise, noise.count, off_t(content.size - noise.count)) == noise.count else {
            throw MachineError.unreadable(path: path)
        }
    }

    /// The bytes of all blobs in the store.
    func storedBytes() throws -> Int {
        try files(under: "\(directory)/blobs").reduce(0) { sum, path in
            var information = stat()
            return stat("\(directory)/blobs/\(path)", &information) == 0 ? sum + Int(information.st_size) : sum
        }
    }

    private func checkIsRunning() throws {
        if let ending = process?.ending { throw failure(ending) }
    }

    private func failure(_ ending: ManagedProcess.Ending) -> MachineError {
        .failed(command: "weir serve", ending: ending, output: logEnd)
    }

    private var logName: String { configurationPath.split(separator: "/").last.map { "log-\($0)" } ?? "log-weir" }

    /// A crash is to say where.
    private static let environment = [
        "SWIFT_BACKTRACE": "enable=yes,color=no,interactive=no,threads=crashed,images=none"
    ]
}
