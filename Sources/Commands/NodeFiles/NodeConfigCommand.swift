internal import ArgumentParser
internal import NodeConfiguration

struct NodeConfigCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "node-config", abstract: "Have containerd on this machine ask Weir first; and put it back.",
        subcommands: [
            NodeConfigApplyCommand.self, NodeConfigKeepCommand.self, NodeConfigRestoreCommand.self,
            NodeConfigCheckCommand.self,
        ])
}

struct NodeConfigApplyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "apply", abstract: "Write a hosts file for each registry, or for all.",
        discussion: """
            What is there is moved into _backup once, and 'restore' puts it back. Files are replaced whole; doing it again \
            changes nothing. containerd need not be restarted. With --k3s it is K3s's own file that is written, whose 'configs' \
            are kept; K3s reads it when it is restarted, and not before.
            """)

    @OptionGroup var files: NodeFilesOptions

    func run() async throws {
        let files = try files.files()
        let done: [String]
        do throws(NodeConfigurationError) {
            done = try files.apply().done
        } catch {
            throw error.failure()
        }
        writeFully(done.isEmpty ? "nothing had to be changed\n" : done.map { "\($0)\n" }.joined(), to: 1)
    }
}

struct NodeConfigRestoreCommand: ServiceCommand {
    static let configuration = CommandConfiguration(
        commandName: "restore", abstract: "Put back what 'apply' or 'keep' moved aside, exactly as it was.")

    @OptionGroup var hosts: HostsFolderOptions
    @OptionGroup var k3s: K3sOptions
    @Flag(help: "Stay afterwards until SIGTERM or SIGINT, and say at --listen that it is done.")
    var stay = false
    @OptionGroup var keeping: KeepingOptions

    var stays: Bool { stay }

    func run() async throws {
        let place = NodeFilesPlace(hosts, k3s)
        if stay { return try await NodeFilesRun.run(.restored(place), keeping) }
        let done: String?
        do throws(NodeConfigurationError) {
            done = try place.restore()
        } catch {
            throw error.failure()
        }
        writeFully("\(done ?? "nothing was written there")\n", to: 1)
    }
}

struct NodeConfigCheckCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check", abstract: "Tell whether containerd's configuration lets nodes share images.",
        discussion: "Exits with 1 where it does not.")

    @OptionGroup var hosts: HostsFolderOptions
    @OptionGroup var containerd: ContainerdConfigurationOptions
    @OptionGroup var output: OutputOptions

    struct Document: Encodable {
        var file: String
        var isApplied: Bool
        var findings: [ContainerdCheck.Finding]
    }

    func run() async throws {
        let files = containerd.files
        let document: Document
        do throws(NodeConfigurationError) {
            document = Document(
                file: files.path, isApplied: HostsFolder(path: hosts.folder).isApplied,
                findings: try files.findings(hostsFolder: hosts.folder))
        } catch {
            throw CommandFailure(.failure, "\(error)")
        }
        try output.write(document) {
            if document.findings.isEmpty { return "\(document.file) is as it should be\n" }
            return document.findings.map { Self.text($0, file: document.file) }.joined()
        }
        if document.findings.contains(where: \.isFatal) { throw CommandFailure(.failure, "") }
    }
}

extension NodeConfigCheckCommand {
    /// What is to be written stands by itself, for whoever takes it over.
    static func text(_ finding: ContainerdCheck.Finding, file: String) -> String {
        let head = "\(finding.isFatal ? "problem" : "note"): \(finding.problem)\n"
        guard !finding.lines.isEmpty else { return "\(head)  \(finding.advice)\n" }
        return "\(head)  write in \(file), then restart containerd:\n\n\(finding.lines.joined(separator: "\n"))\n\n"
    }
}

struct ContainerdConfigurationOptions: ParsableArguments {
    @Option(help: ArgumentHelp("containerd's configuration.", valueName: "file"), completion: .file())
    var containerdConfig = "/etc/containerd/config.toml"

    var files: ContainerdConfigurationFiles {
        ContainerdConfigurationFiles(path: resolved(containerdConfig, in: workingDirectory()))
    }
}
