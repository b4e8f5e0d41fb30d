internal import ArgumentParser
internal import AsyncHTTPClient
internal import LibP2P
internal import Listening
internal import Logging
internal import NIOCore
internal import NIOHTTP1
internal import NodeConfiguration
internal import RegistryServer
internal import ServiceLifecycle

struct SpegelCleanupCommand: ServiceCommand {
    static let configuration = CommandConfiguration(
        commandName: "cleanup", abstract: "Put containerd's hosts files back as 'spegel cleanup' does, and say so.",
        discussion: "Answers 200 at /readyz of --addr until it is ended, for 'cleanup-wait' to see.")

    @Option(help: "DEBUG, INFO, WARN or ERROR; nothing is logged here.") var logLevel: String?
    @Option(help: "Where to say that it is done; else :8080.") var addr: String?
    @Option(help: "containerd's config_path; else /etc/containerd/certs.d.") var containerdRegistryConfigPath: String?

    func run() async throws {
        let environment = SpegelEnvironment(processEnvironment())
        let address = SpegelForm.address(environment.value(addr, "ADDR") ?? ":8080")
        _ = try SpegelForm.port(address)
        do throws(NodeConfigurationError) {
            try SpegelConfigurationCommand.folder(containerdRegistryConfigPath, environment).restore()
        } catch {
            throw error.failure(advice: "run it as root, or name another --containerd-registry-config-path")
        }
        let logger = Logger(label: "weir") { _ in SwiftLogNoOpLogHandler() }
        let server = RegistryServer(
            configuration: NodePages.configuration([address]), node: nil,
            pages: ["/readyz": { _ in OperationalAnswer(body: "") }], logger: logger)
        var parts = ServiceParts()
        parts.add(server: server)
        parts.addWhenListening {
            let addresses = try await server.boundAddresses()
            writeFully("put back; said at \(addresses.joined(separator: ", "))\n", to: 1)
            try await gracefulShutdown()
        }
        try await parts.run(logger: logger) {}
    }
}

struct SpegelCleanupWaitCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cleanup-wait", abstract: "Wait until every node has put its files back.",
        discussion: "Asks /readyz of each address of the endpoint's name, until all have answered 200 several times.")

    @Option(help: "DEBUG, INFO, WARN or ERROR; nothing is logged here.") var logLevel: String?
    @Option(help: "The name and port at which nodes say that they are done: HOST:PORT.") var probeEndpoint: String?
    @Option(help: "How often all have to answer, one time after the other; else 3.") var threshold: String?
    @Option(help: "Between two times; else 2s.") var period: String?

    func run() async throws {
        let environment = SpegelEnvironment(processEnvironment())
        guard let endpoint = environment.value(probeEndpoint, "PROBE_ENDPOINT") else {
            throw CommandFailure(.usage, "give the nodes' name with --probe-endpoint HOST:PORT")
        }
        let port = try SpegelForm.port(endpoint)
        let name = String(endpoint.dropLast("\(port)".utf8.count + 1)).filter { !"[]".contains($0) }
        guard let count = Int(environment.value(threshold, "THRESHOLD") ?? "3"), (1...1000).contains(count) else {
            throw CommandFailure(.usage, "--threshold is a number from 1 to 1000")
        }
        let period = try SpegelForm.duration("--period", environment.value(period, "PERIOD") ?? "2s")
        let client = HTTPClient(eventLoopGroupProvider: .singleton)
        let result: Result<Void, any Error>
        do {
            result = .success(try await Self.wait(for: name, port, times: count, every: period, client))
        } catch {
            result = .failure(error)
        }
        try? await client.shutdown()
        try result.get()
    }

    private static func wait(
        for name: String, _ port: Int, times: Int, every period: Duration, _ client: HTTPClient
    ) async throws {
        var successes = 0
        var told: Readiness?
        while true {
            let readiness = await readiness(name, port, client)
            if readiness != told, let reason = readiness.reason {
                writeFully("weir: waiting for '\(name)' at port \(port): \(reason)\n", to: 2)
            }
            told = readiness
            successes = readiness.isEveryone ? successes + 1 : 0
            if successes >= times { return }
            try await Task.sleep(for: period)
        }
    }

    /// No address at all is nobody who is ready.
    struct Readiness: Hashable {
        var ready: Int
        var all: Int
        var isEveryone: Bool { all > 0 && ready == all }
        var reason: String? {
            if all == 0 { return "the name has no address" }
            return isEveryone ? nil : "\(ready) of \(all) answer at /readyz"
        }
    }

    private static func readiness(_ name: String, _ port: Int, _ client: HTTPClient) async -> Readiness {
        var addresses: [String] = []
        if Multiaddr(ip: name, port: port) != nil {
            addresses = [name]
        } else {
            for family in [Endpoint.NameFamily.ip4, .ip6] {
                addresses += (try? await NameResolver().addresses(of: name, family: family)) ?? []
            }
        }
        let count = addresses.count
        return await withTaskGroup(of: Bool.self) { group in
            var rest = addresses[...]
            var readiness = Readiness(ready: 0, all: count)
            func probeNext() {
                guard let address = rest.popFirst() else { return }
                let host = address.contains(":") ? "[\(address)]" : address
                group.addTask {
                    let request = HTTPClientRequest(url: "http://\(host):\(port)/readyz")
                    return (try? await client.execute(request, timeout: .seconds(1)))?.status == .ok
                }
            }
            for _ in 0..<concurrency { probeNext() }
            while let isReady = await group.next() {
                if isReady { readiness.ready += 1 }
                probeNext()
            }
            return readiness
        }
    }

    private static let concurrency = 10
}
