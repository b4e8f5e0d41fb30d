internal import ArgumentParser
internal import ControlServer

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// Where the configuration comes from.
struct ConfigurationOptions: ParsableArguments {
    @Option(
        name: [.customShort("c"), .long],
        help: ArgumentHelp(
            "The configuration file. Else $WEIR_CONFIG, else /etc/weir/weir.yaml if it exists.", valueName: "file"),
        completion: .file(extensions: ["yaml", "yml"]))
    var config: String?

    func loader(flags: [(name: String, path: [String], value: String)] = []) -> ConfigurationLoader {
        ConfigurationLoader(
            file: config, flags: flags, environment: processEnvironment(), workingDirectory: workingDirectory())
    }

    func load(flags: [(name: String, path: [String], value: String)] = []) throws(CommandFailure) -> LoadedConfiguration
    {
        try Self.loaded(loader(flags: flags))
    }

    static func loaded(_ loader: ConfigurationLoader) throws(CommandFailure) -> LoadedConfiguration {
        do throws(ConfigurationError) {
            return try loader.load()
        } catch {
            writeFully("\(error)\n", to: STDERR_FILENO)
            let count = error.problems.count { $0.severity == .error }
            throw CommandFailure(.usage, "the configuration has \(count == 1 ? "an error" : "\(count) errors")")
        }
    }
}

/// How a command finds the running service.
struct ServiceOptions: ParsableArguments {
    @OptionGroup var configuration: ConfigurationOptions

    @Option(
        help: ArgumentHelp(
            "The control socket. Else $WEIR_SOCKET, else the one of the configuration.", valueName: "path"),
        completion: .file())
    var socket: String?

    func client() throws(CommandFailure) -> ControlClient {
        let environment = processEnvironment()
        if let socket = socket ?? environment[EnvironmentVariables.socket], !socket.isEmpty {
            return ControlClient(socket: resolved(socket, in: workingDirectory()))
        }
        return ControlClient(socket: try configuration.load().service.controlSocket)
    }
}

/// How a command answers.
struct OutputOptions: ParsableArguments {
    @Flag(help: "Answer in JSON, for programs.")
    var json = false

    /// - Parameter text: the answer for people, each line ended.
    func write(_ document: some Encodable, text: () -> String) throws(CommandFailure) {
        guard json else { return writeFully(text(), to: STDOUT_FILENO) }
        do {
            writeFully(try ControlJSON.encode(document, isPretty: true), to: STDOUT_FILENO)
        } catch {
            throw CommandFailure(.failure, "the answer cannot be written as JSON")
        }
    }
}

/// A reference argument.
struct ReferenceArgument: ParsableArguments {
    @Argument(
        help: ArgumentHelp(
            "An image as it is pulled: nginx, ghcr.io/a/b:1, or with a rule's prefix: dockerhub/library/nginx.",
            valueName: "ref"))
    var reference: String
}

func processEnvironment() -> [String: String] {
    var result: [String: String] = [:]
    var pointer = environ
    while let entry = pointer.pointee {
        let text = String(cString: entry)
        if let equals = text.firstIndex(of: "=") {
            result[String(text[..<equals])] = String(text[text.index(after: equals)...])
        }
        pointer = pointer.successor()
    }
    return result
}

func workingDirectory() -> String {
    guard let path = getcwd(nil, 0) else { return "/" }
    defer { free(path) }
    return String(cString: path)
}
