internal import ArgumentParser
internal import NodeConfiguration

struct SpegelConfigurationCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "configuration", abstract: "Write containerd's hosts files as 'spegel configuration' does.",
        discussion: """
            What is there at first is moved into _backup; everything beside it is written anew each time. \
            'weir spegel cleanup' puts it back.
            """)

    @Option(help: "DEBUG, INFO, WARN or ERROR; nothing is logged here.") var logLevel: String?
    @Option(help: "containerd's config_path; else /etc/containerd/certs.d.") var containerdRegistryConfigPath: String?
    @Option(parsing: .upToNextOption, help: "Registries that are mirrored; none means all.")
    var mirroredRegistries: [String] = []
    @Option(parsing: .upToNextOption, help: "Where mirrors are, in the order in which they are asked.")
    var mirrorTargets: [String] = []
    @Option(help: "Whether mirrors resolve tags, too; else true.") var resolveTags: String?
    @Option(help: "Whether hosts that are there stay, after the mirrors; else false.") var prependExisting: String?

    func run() async throws {
        let environment = SpegelEnvironment(processEnvironment())
        let files = try files(environment)
        let keeps = try SpegelForm.flag(
            "--prepend-existing", environment.value(prependExisting, "PREPEND_EXISTING"), standard: false)
        do throws(NodeConfigurationError) {
            try Self.folder(containerdRegistryConfigPath, environment).apply(
                files, existing: keeps ? .appended : .setAside)
        } catch {
            throw error.failure(advice: "run it as root, or name another --containerd-registry-config-path")
        }
    }

    func files(_ environment: SpegelEnvironment) throws(CommandFailure) -> [HostsFile] {
        var targets: [String] = []
        for text in try environment.list(mirrorTargets, "MIRROR_TARGETS") {
            targets.append(try SpegelForm.target(text))
        }
        guard !targets.isEmpty else {
            throw CommandFailure(.usage, "give the node's address with --mirror-targets http://HOST:30020")
        }
        let resolves = try SpegelForm.flag(
            "--resolve-tags", environment.value(resolveTags, "RESOLVE_TAGS"), standard: true)
        let authorization = SpegelForm.authorization()
        let registries = try SpegelForm.registries(try environment.list(mirroredRegistries, "MIRRORED_REGISTRIES"))
        guard !registries.isEmpty else {
            return [
                HostsFile(scope: .all, mirrors: targets, resolvesTags: resolves, authorization: authorization)
            ]
        }
        return registries.map { registry in
            var file = HostsFile(
                scope: .registry(registry.host), mirrors: targets, resolvesTags: resolves,
                authorization: authorization)
            file.registryUsesTLS = registry.usesTLS
            return file
        }
    }

    /// Spegel's own files say nothing of who wrote them: all of the folder is taken for its.
    static func folder(_ flag: String?, _ environment: SpegelEnvironment) -> HostsFolder {
        let path = environment.value(flag, "CONTAINERD_REGISTRY_CONFIG_PATH") ?? "/etc/containerd/certs.d"
        return HostsFolder(path: resolved(path, in: workingDirectory()), ownsEverything: true)
    }
}
