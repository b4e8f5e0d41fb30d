internal import ArgumentParser

struct NodeConfigKeepCommand: ServiceCommand {
    static let configuration = CommandConfiguration(
        commandName: "keep", abstract: "Do what 'apply' does, again and again, until SIGTERM or SIGINT.",
        discussion: """
            Whatever else changes the files, they are as they are to be again within --every. What is not as it should be \
            in containerd's configuration is told in the log and at /readyz. At the end the files stay, so that a restart \
            or an update changes no pull; 'restore' puts back what was there.
            """)

    @OptionGroup var files: NodeFilesOptions
    @OptionGroup var containerd: ContainerdConfigurationOptions
    @Flag(help: "Put back what was there at the end.")
    var restoreAtEnd = false
    @OptionGroup var keeping: KeepingOptions

    func run() async throws {
        let files = try files.files()
        try await NodeFilesRun.run(
            .applied(files, containerd: containerd.files), keeping, restoresAtEnd: restoreAtEnd)
    }
}

/// For commands that stay.
struct KeepingOptions: ParsableArguments {
    @Option(help: ArgumentHelp("How often the files are looked at.", valueName: "duration"))
    var every = "10s"
    @Option(
        help: ArgumentHelp(
            "Where /healthz, /readyz and /metrics are; may be given several times. Without it, nowhere.",
            valueName: "host:port"))
    var listen: [String] = []
    @Option(help: ArgumentHelp("The form of the log: text or json.", valueName: "form"))
    var logFormat = ServiceConfiguration.LogFormat.text

    func validate() throws {
        do throws(ValueProblem) {
            _ = try interval()
        } catch {
            throw ValidationError(error.message)
        }
    }

    /// - Throws: ``ValueProblem`` for what is no duration, or none between a second and a day.
    func interval() throws(ValueProblem) -> Duration {
        let duration = try DurationText.parse(every)
        guard duration >= .seconds(1), duration <= .seconds(86_400) else {
            throw ValueProblem("--every is from 1s to 24h")
        }
        return duration
    }
}

extension ServiceConfiguration.LogFormat: ExpressibleByArgument {}
