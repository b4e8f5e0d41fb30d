internal import AdmissionWebhook
internal import ArgumentParser
internal import OCI
internal import RegistryServer

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

extension ClientConfiguration.Engine: ExpressibleByArgument {}

struct ClientConfigCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "client-config",
        abstract: "Print the files that make a container engine pull through Weir.",
        discussion: """
            Files go to standard output, what else there is to do to standard error. With --write they are put under a \
            folder ('/' on the client's machine itself); a file that is there and differs is left alone, and is an error.
            """)

    @Argument(help: "docker, containerd, k3s, podman, crio, kyverno, mutating-admission-policy or webhook.")
    var engine: ClientConfiguration.Engine
    @Option(
        help: ArgumentHelp(
            "Weir's address as the clients see it. Default: 'rewrite.address' of the configuration; else, but for a cluster's policy, localhost with the configuration's port.",
            valueName: "host:port"))
    var address: String?
    @Flag(help: "Clients speak TLS with Weir. Default: as the configuration says.")
    var tls = false
    @Option(
        help: ArgumentHelp(
            "A PEM file on the clients' machines with the authority of Weir's certificate. Implies --tls. For webhook: a file on this machine with the authority of the webhook's certificate.",
            valueName: "file"))
    var tlsCa: String?
    @Option(help: ArgumentHelp("For webhook: the namespace in which Weir runs.", valueName: "name"))
    var namespace: String?
    @Flag(help: "Do not go to the registries themselves while Weir is down.")
    var noFallback = false
    @Option(help: ArgumentHelp("Write the files under this folder.", valueName: "folder"), completion: .directory)
    var write: String?
    @OptionGroup var options: ConfigurationOptions
    @OptionGroup var output: OutputOptions

    private struct Document: Encodable {
        let files: [ClientConfiguration.File]
        let notes: [String]
    }

    func run() throws {
        let service = try options.load().service
        let server = ClientConfiguration.Server(
            address: try serverAddress(service), usesTLS: tls || tlsCa != nil || service.server.tls != nil,
            authorityFile: tlsCa)
        let client: ClientConfiguration
        do {
            client = try ClientConfiguration(
                engine, server: server, rules: service.rules, upstreams: service.upstreams, fallsBack: !noFallback,
                form: service.rewrite.form, webhook: try webhookRegistration(service))
        } catch let error as ValueProblem {
            throw CommandFailure(.usage, error.message)
        }
        if let folder = write {
            try writeFiles(client.files, under: folder)
        } else {
            try output.write(Document(files: client.files, notes: client.notes)) { Self.text(client) }
        }
        if !output.json {
            for note in client.notes { writeFully("# \(note)\n", to: STDERR_FILENO) }
        }
    }

    private func webhookRegistration(
        _ service: ServiceConfiguration
    ) throws(CommandFailure) -> ClientConfiguration.WebhookRegistration {
        var registration = ClientConfiguration.WebhookRegistration()
        registration.namespace = namespace ?? service.webhook.namespace ?? registration.namespace
        registration.excludedNamespaces = service.webhook.excludedNamespaces.sorted()
        registration.failure = service.webhook.failure
        registration.validates = !service.webhook.policy.isEmpty
        if engine == .webhook, let tlsCa {
            registration.authority = try readBytes(resolved(tlsCa, in: workingDirectory()), limitBytes: 1 << 20)
        }
        return registration
    }

    private func serverAddress(_ service: ServiceConfiguration) throws(CommandFailure) -> RegistryHost {
        if engine.isPolicy, address == nil, service.rewrite.address == nil {
            // Every pod of the cluster would pull from its own node.
            throw CommandFailure(.usage, RewriteConfigurationError.noAddress.description)
        }
        let port = service.server.listen.first.flatMap { $0.split(separator: ":").last } ?? "5000"
        do throws(RegistryHostError) {
            return try RegistryHost(address ?? service.rewrite.address?.description ?? "localhost:\(port)")
        } catch {
            throw CommandFailure(
                .usage, "'\(printable(address ?? port.description))' is no address; give --address HOST:PORT: \(error)")
        }
    }

    /// One file as it is, so that it can be put in place by `>`; several with their paths between them.
    private static func text(_ client: ClientConfiguration) -> String {
        if client.files.count == 1, let file = client.files.first {
            writeFully("# \(file.path)\n", to: STDERR_FILENO)
            return file.content
        }
        return client.files.map { "# \($0.path)\n\($0.content)" }.joined(separator: "\n")
    }

    private func writeFiles(_ files: [ClientConfiguration.File], under folder: String) throws(CommandFailure) {
        var left: [String] = []
        for file in files {
            let path = resolved(folder == "/" ? file.path : folder + file.path, in: workingDirectory())
            let existing = try? readTextFile(path, limitBytes: 1 << 20)
            if existing == file.content { continue }
            if access(path, F_OK) == 0 {
                left.append(path)
                continue
            }
            try create(path, content: file.content)
            writeFully("\(path)\n", to: STDOUT_FILENO)
        }
        guard left.isEmpty else {
            throw CommandFailure(
                .failure, "these are there already and differ; merge them by hand: \(left.joined(separator: ", "))")
        }
    }

    private func create(_ path: String, content: String) throws(CommandFailure) {
        var index = path.index(after: path.startIndex)
        while let slash = path[index...].firstIndex(of: "/") {
            mkdir(String(path[..<slash]), 0o755)
            index = path.index(after: slash)
        }
        let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw CommandFailure(.failure, "\(path) cannot be written (error \(errno))") }
        writeFully(content, to: descriptor)
        guard close(descriptor) == 0 else {
            throw CommandFailure(.failure, "\(path) cannot be written (error \(errno))")
        }
    }
}
