internal import ArgumentParser
internal import NodeConfiguration
internal import OCI

struct NodeConfigCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "node-config", abstract: "Have containerd on this machine ask the node first; and put it back.",
        subcommands: [NodeConfigApplyCommand.self, NodeConfigRestoreCommand.self, NodeConfigCheckCommand.self])
}

struct HostsFolderOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp("The folder of hosts files, containerd's config_path.", valueName: "path"),
        completion: .directory)
    var folder = "/etc/containerd/certs.d"
}

struct NodeConfigApplyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "apply", abstract: "Write a hosts file for each registry, or for all.",
        discussion: """
            What is there is moved into _backup once, and 'restore' puts it back. Files are replaced whole; doing it again \
            changes nothing. containerd need not be restarted.
            """)

    @OptionGroup var hosts: HostsFolderOptions
    @Option(
        help: ArgumentHelp(
            "An address to ask before the registry: the node's, then the central Weir's. May be given several times.",
            valueName: "url"))
    var mirror: [String] = []
    @Option(help: ArgumentHelp("A registry; without any, all of them (_default).", valueName: "host"))
    var registry: [String] = []
    @Flag(help: "Keep the hosts that are there, after these.")
    var keepExisting = false
    @Flag(help: "Have tags resolved by the registry itself.")
    var digestsOnly = false
    @Option(help: ArgumentHelp("Whoever signed the mirrors' certificates.", valueName: "file")) var ca: String?
    @Option(help: ArgumentHelp("A client certificate for the mirrors.", valueName: "file")) var certificate: String?
    @Option(help: ArgumentHelp("Its private key.", valueName: "file")) var key: String?
    @Option(
        help: ArgumentHelp(
            "Write K3s's registries.yaml there in place of hosts files; K3s reads it at its start.", valueName: "file"))
    var k3s: String?

    func validate() throws {
        guard !mirror.isEmpty else { throw ValidationError("give the node's address with --mirror http://HOST:5000") }
        guard (certificate == nil) == (key == nil) else {
            throw ValidationError("--certificate and --key belong together")
        }
        for text in mirror where !Self.isAddress(text) {
            throw ValidationError("'\(text)' is no address; write http://HOST:PORT")
        }
    }

    func run() async throws {
        let registries = try registries()
        do throws(NodeConfigurationError) {
            if let k3s {
                try writeK3s(resolved(k3s, in: workingDirectory()), registries)
            } else {
                try writeHosts(registries)
            }
        } catch {
            throw CommandFailure(.failure, "\(error)")
        }
    }

    private func registries() throws(CommandFailure) -> [RegistryHost] {
        var list: [RegistryHost] = []
        for text in registry {
            guard let host = try? RegistryHost(text) else {
                throw CommandFailure(.usage, "'\(text)' is no registry; write HOST or HOST:PORT")
            }
            list.append(host)
        }
        return list
    }

    private func writeHosts(_ registries: [RegistryHost]) throws(NodeConfigurationError) {
        let scopes: [HostsFile.Scope] = registries.isEmpty ? [.all] : registries.map { .registry($0) }
        let files = scopes.map { scope in
            var file = HostsFile(scope: scope, mirrors: mirror, resolvesTags: !digestsOnly)
            file.certificateAuthority = ca.map { resolved($0, in: workingDirectory()) }
            file.clientCertificateFile = certificate.map { resolved($0, in: workingDirectory()) }
            file.clientKeyFile = key.map { resolved($0, in: workingDirectory()) }
            return file
        }
        let changed = try HostsFolder(path: hosts.folder).apply(
            files, existing: keepExisting ? .appended : .setAside)
        writeFully(changed.isEmpty ? "nothing had to be changed\n" : changed.map { "wrote \($0)\n" }.joined(), to: 1)
    }

    private func writeK3s(_ path: String, _ registries: [RegistryHost]) throws(NodeConfigurationError) {
        let file = K3sRegistries(registries: registries, endpoints: mirror.map { "\($0)/v2" })
        let existing: String?
        do throws(FileReadError) {
            existing = try readTextFile(path, limitBytes: 1 << 20)
        } catch {
            guard error.isMissing else { throw .malformed(path: path, reason: error.reason) }
            existing = nil
        }
        guard try file.write(to: path, existing: existing) else {
            throw .malformed(path: path, reason: "it is somebody else's; put this into it by hand:\n\n\(file.text)")
        }
        writeFully("wrote \(path); restart K3s for it to count\n", to: 1)
    }

    private static func isAddress(_ text: String) -> Bool {
        let rest = text.hasPrefix("http://") ? text.dropFirst(7) : text.hasPrefix("https://") ? text.dropFirst(8) : ""
        return !rest.isEmpty && !rest.contains { "/?#@ \"\\".contains($0) }
    }
}

struct NodeConfigRestoreCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "restore", abstract: "Put back what 'apply' moved aside, exactly as it was.")

    @OptionGroup var hosts: HostsFolderOptions

    func run() async throws {
        let folder = HostsFolder(path: hosts.folder)
        guard folder.isApplied else { return writeFully("nothing was written there\n", to: 1) }
        do throws(NodeConfigurationError) {
            try folder.restore()
        } catch {
            throw CommandFailure(.failure, "\(error)")
        }
        writeFully("put back \(hosts.folder)\n", to: 1)
    }
}

struct NodeConfigCheckCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check", abstract: "Tell whether containerd's configuration lets nodes share images.",
        discussion: "Exits with 1 where it does not.")

    @OptionGroup var hosts: HostsFolderOptions
    @Option(help: ArgumentHelp("containerd's configuration.", valueName: "file"), completion: .file())
    var containerdConfig = "/etc/containerd/config.toml"
    @OptionGroup var output: OutputOptions

    struct Document: Encodable {
        var file: String
        var isApplied: Bool
        var findings: [ContainerdCheck.Finding]
    }

    func run() async throws {
        var text: String?
        do throws(FileReadError) {
            text = try readTextFile(containerdConfig, limitBytes: 1 << 20)
        } catch {
            guard error.isMissing else { throw CommandFailure(.failure, "\(containerdConfig) \(error.reason)") }
        }
        let document: Document
        do throws(NodeConfigurationError) {
            document = Document(
                file: containerdConfig, isApplied: HostsFolder(path: hosts.folder).isApplied,
                findings: try ContainerdCheck.findings(text, path: containerdConfig, hostsFolder: hosts.folder))
        } catch {
            throw CommandFailure(.failure, "\(error)")
        }
        try output.write(document) {
            if document.findings.isEmpty { return "\(containerdConfig) is as it should be\n" }
            return document.findings.map { "\($0.isFatal ? "problem" : "note"): \($0.problem)\n  \($0.advice)\n" }
                .joined()
        }
        if document.findings.contains(where: \.isFatal) { throw CommandFailure(.failure, "") }
    }
}
