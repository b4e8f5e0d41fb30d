internal import ArgumentParser

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

struct ConfigCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "config", abstract: "Check and show the configuration.",
        discussion: "A setting comes from a flag, else from the environment (WEIR_LISTEN, WEIR_STORAGE_DIRECTORY, …), "
            + "else from the file, else from its default.",
        subcommands: [CheckCommand.self, ShowCommand.self, KeysCommand.self, SchemaCommand.self])

    struct CheckCommand: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "check", abstract: "Tell everything that is wrong with the configuration.",
            discussion:
                "One line for each problem: FILE:LINE:COLUMN: what is wrong; what to do. Contacts nobody. Exits "
                + "with 2 if there are errors; warnings alone are no failure.")

        @Argument(
            help: ArgumentHelp("The file; as --config.", valueName: "file"),
            completion: .file(extensions: ["yaml", "yml"]))
        var file: String?
        @OptionGroup var options: ConfigurationOptions
        @OptionGroup var output: OutputOptions

        func run() throws {
            var options = options
            options.config = file ?? options.config
            if output.json { return try report(options.loader()) }
            let loaded = try options.load()
            for warning in loaded.warnings { writeFully("\(warning)\n", to: STDERR_FILENO) }
            let place = loaded.file ?? "no configuration file; the defaults"
            writeFully("\(place): good\n", to: STDOUT_FILENO)
        }

        private func report(_ loader: ConfigurationLoader) throws {
            let file: String?
            let problems: [ConfigurationProblem]
            do throws(ConfigurationError) {
                let loaded = try loader.load()
                (file, problems) = (loaded.file, loaded.warnings)
            } catch {
                (file, problems) = (nil, error.problems)
            }
            let document = ConfigurationCheckDocument(file: file, problems: problems)
            try output.write(document) { "" }
            if !document.isGood { throw CommandFailure(.usage, "") }
        }
    }

    struct ShowCommand: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "show", abstract: "Print the configuration in effect, defaults included and secrets masked.")

        @OptionGroup var options: ConfigurationOptions
        @Flag(help: "Print JSON in place of YAML.")
        var json = false

        func run() throws {
            let shown = try options.load().shown()
            writeFully(json ? shown.text : shown.yaml, to: STDOUT_FILENO)
        }
    }

    struct KeysCommand: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "keys", abstract: "List every key with its meaning, form, default and environment variable.")

        @Flag(help: "Print a Markdown table, as in docs/configuration.md.")
        var markdown = false

        func run() {
            writeFully(
                markdown ? ConfigurationReference.markdown : ConfigurationReference.text, to: STDOUT_FILENO)
        }
    }

    struct SchemaCommand: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "schema", abstract: "Print the JSON Schema of the configuration file, for editors.")

        func run() { writeFully(ConfigurationSchema.text, to: STDOUT_FILENO) }
    }
}

struct VersionCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "version", abstract: "Print the version.")

    @OptionGroup var output: OutputOptions

    private struct Document: Encodable { let version: String }

    func run() throws {
        try output.write(Document(version: Version.text)) { "weir \(Version.text)\n" }
    }
}
