internal import Subprocess
internal import SystemPackage
internal import Timekeeping

/// What a request proves its sender's identity with.
struct Credentials: Sendable, Hashable {
    var token: String?
    /// PEM.
    var certificate: [UInt8]?
    /// PEM.
    var key: [UInt8]?
}

/// Keeps credentials current: files are read again, plug-ins asked anew before their credentials run out.
actor CredentialHolder {
    /// The kubelet replaces a token well before it ends; client-go reads it again each minute as well.
    static let fileLifetime = Duration.seconds(60)
    /// Credentials that end sooner than this are replaced first.
    static let expiryMargin = Duration.seconds(30)
    /// A plug-in that gives credentials already over is not asked for each request.
    static let shortestPluginLifetime = Duration.seconds(5)
    private static let outputLimitBytes = 1 << 20

    private let connection: ClusterConnection
    private let clock: any WallClock
    private var held: (credentials: Credentials, until: Timestamp)?
    /// All who come while the plug-in runs wait for one run of it.
    private var asking: Task<Result<ExecCredential, KubernetesError>, Never>?

    init(_ connection: ClusterConnection, clock: any WallClock) {
        self.connection = connection
        self.clock = clock
    }

    func current() async throws(KubernetesError) -> Credentials {
        let now = clock.now()
        if let held, now < held.until { return held.credentials }
        var credentials = Credentials()
        if let certificate = connection.clientCertificate {
            credentials.certificate = try read(certificate.chain, "client certificate")
            credentials.key = try read(certificate.key, "client key")
        }
        var until = now + Self.fileLifetime
        switch connection.proof {
        case .none: break
        case .token(let token): credentials.token = token
        case .tokenFile(let path):
            guard let token = BoundedFile.line(path) else {
                // What was read last may still be good; the server will say.
                if let held { return held.credentials }
                throw .credentials(reason: "the token file \(path) cannot be read, or is empty")
            }
            credentials.token = token
        case .plugin(let plugin):
            let credential = try await ask(plugin)
            credentials.token = credential.token
            if let certificate = credential.certificate {
                credentials.certificate = certificate
                credentials.key = credential.key
            }
            if let expiry = credential.expiresAt {
                until = max(Timestamp(seconds: expiry) - Self.expiryMargin, now + Self.shortestPluginLifetime)
            } else {
                until = Timestamp(milliseconds: .max)
            }
        }
        held = (credentials, until)
        return credentials
    }

    /// The server refused `credentials`: they are read, or asked for, anew.
    /// - Returns: whether that may help.
    func refuse(_ credentials: Credentials) -> Bool {
        guard held?.credentials == credentials else { return held != nil }
        guard connection.proof.canChange || connection.clientCertificate != nil else { return false }
        held?.until = Timestamp(milliseconds: .min)
        return true
    }

    private func read(_ source: ClusterConnection.Source, _ what: String) throws(KubernetesError) -> [UInt8] {
        switch source {
        case .data(let bytes): return bytes
        case .file(let path):
            guard let bytes = BoundedFile.bytes(path) else {
                throw .credentials(reason: "the \(what) \(path) cannot be read")
            }
            return bytes
        }
    }

    private func ask(_ plugin: ExecPlugin) async throws(KubernetesError) -> ExecCredential {
        if let asking { return try await asking.value.get() }
        // A task of its own, since whoever came first may leave while others wait.
        let task = Task { await Self.run(plugin) }
        asking = task
        let result = await task.value
        asking = nil
        return try result.get()
    }

    private static func run(_ plugin: ExecPlugin) async -> Result<ExecCredential, KubernetesError> {
        let answer = await withTaskGroup(of: Result<[UInt8], KubernetesError>.self) { group in
            group.addTask { await output(of: plugin) }
            group.addTask {
                do {
                    try await Task.sleep(for: plugin.timeout)
                    return .failure(
                        .credentials(reason: "the exec plug-in \(plugin.command) did not end in time"))
                } catch {
                    return .failure(.cancelled)
                }
            }
            let first = await group.next() ?? .failure(.cancelled)
            // Ends the program, if it still runs.
            group.cancelAll()
            return first
        }
        do throws(KubernetesError) {
            return .success(try ExecCredential(parsing: answer.get(), version: plugin.version))
        } catch {
            return .failure(error)
        }
    }

    private static func output(of plugin: ExecPlugin) async -> Result<[UInt8], KubernetesError> {
        var overrides: [Environment.Key: String?] = [:]
        for (name, value) in plugin.environment {
            if let key = Environment.Key(rawValue: name) { overrides[key] = value }
        }
        if let key = Environment.Key(rawValue: "KUBERNETES_EXEC_INFO") { overrides[key] = plugin.information }
        let executable: Executable =
            plugin.command.contains("/") ? .path(FilePath(plugin.command)) : .name(plugin.command)
        do {
            let result = try await Subprocess.run(
                executable, arguments: Arguments(plugin.arguments), environment: .inherit.updating(overrides),
                output: .bytes(limit: outputLimitBytes), error: .discarded)
            guard case .exited(0) = result.terminationStatus else {
                return .failure(
                    .credentials(reason: "the exec plug-in \(plugin.command) failed (\(result.terminationStatus))"))
            }
            return .success(result.standardOutput)
        } catch {
            let hint = plugin.installHint.map { "; \($0.prefix(500))" } ?? ""
            return .failure(.credentials(reason: "the exec plug-in \(plugin.command) cannot be run\(hint)"))
        }
    }
}

extension ClusterConnection.Proof {
    /// Whether asking again may give something else.
    fileprivate var canChange: Bool {
        switch self {
        case .none, .token: false
        case .tokenFile, .plugin: true
        }
    }
}
