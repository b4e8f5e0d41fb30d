/// nginx in a closed machine: what stands between Weir and a registry, or gives out files.
final class Nginx {
    let machine: ClosedMachine
    let name: String
    let port: Int
    private let folder: String
    private let process: MachineProcess

    /// Starts it and waits until it listens.
    ///
    /// - Parameters:
    ///   - http: directives for the http block.
    ///   - locations: directives for its only server.
    init(
        on machine: ClosedMachine, name: String, port: Int, identity: Certificates.Identity? = nil, http: String = "",
        locations: String
    ) async throws {
        self.machine = machine
        self.name = name
        self.port = port
        let folder = try machine.scratch.folder("nginx-\(name)")
        let tls = identity.map { "ssl_certificate \($0.certificateFile); ssl_certificate_key \($0.keyFile);" } ?? ""
        let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map { "\($0)_temp_path \(folder)/\($0);" }.joined(separator: "\n")
        // One process, so that there is one to stop; it keeps its user, who owns the scratch folder.
        try writeText(
            """
            daemon off;
            master_process off;
            pid \(folder)/pid;
            error_log \(folder)/error.log;
            events { worker_connections 1024; }
            http {
                access_log \(folder)/access.log;
                \(temporary)
                \(http)
                server {
                    listen 127.0.0.1:\(port)\(identity == nil ? "" : " ssl");
                    \(tls)
                    \(locations)
                }
            }
            """, to: "\(folder)/nginx.conf")
        self.folder = folder
        process = try machine.start(
            "nginx", ["-e", "\(folder)/error.log", "-c", "\(folder)/nginx.conf"], name: "nginx-\(name)")
        try await machine.waitUntilListening(port: port)
    }

    /// A slow line to `registry`: each answer comes at `rate`, as nginx has it ("2m" a second).
    static func slow(_ registry: RealRegistry, port: Int = 5011, rate: String) async throws -> Nginx {
        try await Nginx(
            on: registry.machine, name: "slow-\(registry.name)", port: port,
            locations: """
                location / {
                    proxy_pass \(registry.origin);
                    proxy_http_version 1.1;
                    proxy_set_header Host $http_host;
                    proxy_max_temp_file_size 0;
                    limit_rate \(rate);
                }
                """)
    }

    var origin: String { "http://127.0.0.1:\(port)" }

    /// Every request it has answered so far, in order.
    func requests() throws -> [AccessRecord] {
        try readText("\(folder)/access.log").split(separator: "\n").compactMap(AccessRecord.init(line:))
    }

    func stop() async throws { try await process.stop() }
}
