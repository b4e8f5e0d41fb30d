import FoundationEssentials

/// docker-registry (CNCF distribution), in a closed machine.
final class RealRegistry {
    /// Who may pull.
    enum Access {
        case everyone
        /// Basic authentication against a htpasswd file.
        case account(Account)
        /// Bearer tokens from this server.
        case tokens(TokenServer)
    }

    struct Account {
        let name: String
        let password: String

        static let test = Account(name: "puller", password: "wei:r&pass word")
    }

    let machine: ClosedMachine
    let name: String
    let port: Int
    let certificates: Certificates?
    /// The folder with its content.
    let storagePath: String
    private let configurationPath: String
    private var process: MachineProcess

    /// `http://127.0.0.1:5001`, as `PORT` says.
    var origin: String { "\(certificates == nil ? "http" : "https")://127.0.0.1:\(port)" }
    var authority: String { "127.0.0.1:\(port)" }

    /// Starts a registry and waits until it listens.
    ///
    /// - Parameters:
    ///   - storage: names the folder with its content; registries with the same one serve the same.
    ///   - upstream: makes it a pull-through cache of that registry.
    init(
        on machine: ClosedMachine, name: String = "upstream", port: Int = 5001, storage: String? = nil,
        certificates: Certificates? = nil, access: Access = .everyone, upstream: String? = nil
    ) async throws {
        self.machine = machine
        self.name = name
        self.port = port
        self.certificates = certificates
        let root = try machine.scratch.folder("registry-\(storage ?? name)")
        storagePath = root
        var lines = [
            "version: 0.1",
            "log: {level: info}",
            "storage: {filesystem: {rootdirectory: \(root)}, delete: {enabled: true}}",
        ]
        var http = "addr: '127.0.0.1:\(port)'"
        if let certificates {
            let identity = try await certificates.issue(name)
            http += ", tls: {certificate: \(identity.certificateFile), key: \(identity.keyFile)}"
        }
        lines.append("http: {\(http)}")
        switch access {
        case .everyone: break
        case .account(let account):
            let file = "\(machine.scratch.path)/\(name).htpasswd"
            try await account.writePasswordFile(file, on: machine)
            lines.append("auth: {htpasswd: {realm: test, path: \(file)}}")
        case .tokens(let server):
            lines.append(
                "auth: {token: {realm: '\(server.realm)', service: \(TokenServer.service), issuer: "
                    + "\(TokenServer.issuer), rootcertbundle: \(server.certificates.authorityFile)}}")
        }
        if let upstream { lines.append("proxy: {remoteurl: '\(upstream)'}") }
        configurationPath = "\(machine.scratch.path)/\(name).yml"
        try writeText(lines.joined(separator: "\n") + "\n", to: configurationPath)
        process = try Self.launch(on: machine, name: name, configurationPath: configurationPath)
        try await machine.waitUntilListening(port: port)
    }

    private static func launch(
        on machine: ClosedMachine, name: String, configurationPath: String
    ) throws -> MachineProcess {
        try machine.start(
            "docker-registry", ["serve", configurationPath], name: name,
            environment: ["OTEL_TRACES_EXPORTER": "none"])
    }

    func stop() async throws { try await process.stop() }

    /// Starts it again after ``stop()``, with the content it had.
    func start() async throws {
        process = try Self.launch(on: machine, name: name, configurationPath: configurationPath)
        try await machine.waitUntilListening(port: port)
    }

    /// Puts an image with all its platforms into the registry, which everyone has to have access to.
    func push(_ layout: ImageLayout, as repository: String, tag: String? = nil) async throws {
        try await machine.succeed(
            "skopeo",
            [
                "--insecure-policy", "copy", "--quiet", "--all", "--dest-tls-verify=false",
                "oci:\(layout.path):\(layout.tag)", "docker://\(authority)/\(repository):\(tag ?? layout.tag)",
            ])
    }

    /// Every request it has answered so far, in order.
    func requests() async throws -> [AccessRecord] {
        // The log is written behind the answer; a request of our own, seen there, comes after all others.
        let mark = "/mark-\(UInt64.random(in: 0...UInt64.max))"
        _ = try await machine.request(
            origin + mark, options: certificates.map { ["--cacert", $0.authorityFile] } ?? [])
        return try await eventually("\(name) has logged its requests") {
            let records = try readText(process.outputPath).split(separator: "\n").compactMap(AccessRecord.init(line:))
            guard records.contains(where: { $0.path == mark }) else { return nil }
            return records.filter { !$0.path.hasPrefix("/mark-") }
        }
    }

    /// What it was asked while `body` ran.
    func requests<Result>(during body: () async throws -> Result) async throws -> (Result, [AccessRecord]) {
        let before = try await requests().count
        let result = try await body()
        return (result, Array(try await requests().dropFirst(before)))
    }
}

extension RealRegistry.Account {
    func writePasswordFile(_ path: String, on machine: ClosedMachine) async throws {
        // nginx takes this kind by crypt(3), docker-registry takes bcrypt alone; htpasswd makes both.
        let line = try await machine.succeed("htpasswd", ["-Bnb", "-C", "5", name, password])
        try writeText(line, to: path)
    }
}
