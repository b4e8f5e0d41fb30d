import Listening
import Logging
import NIOCore
import OCI
import PullThroughCache
import RegistryServer
import Rules
import ServiceLifecycle

/// A server that listens on a free port of the loopback for as long as a test's body runs.
struct RunningServer: Sendable {
    let server: RegistryServer
    /// `127.0.0.1:PORT`.
    let address: String
    /// Nil where the test runs the server itself.
    var group: ServiceGroup?

    var port: Int { Int(address.split(separator: ":").last ?? "") ?? 0 }
    var url: String { "http://\(address)" }

    func shutDown() async { await group?.triggerGracefulShutdown() }

    private struct ServerService: Service {
        let server: RegistryServer
        func run() async throws { try await server.run() }
    }

    static func with<Result: Sendable>(
        _ content: FakeContent = FakeContent(),
        operations: [String: @Sendable () async -> OperationalAnswer] = [:],
        rules: RuleTable? = nil,
        logger: Logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
        configure: (inout RegistryServer.Configuration) -> Void = { _ in },
        body: (RunningServer) async throws -> Result
    ) async throws -> Result {
        var configuration = RegistryServer.Configuration(listen: ["127.0.0.1:0"])
        configuration.drainTimeout = .seconds(5)
        configure(&configuration)
        let table = try rules ?? .forTests()
        let server = RegistryServer(
            configuration: configuration, content: content, rules: { table }, operations: operations, logger: logger)
        let group = ServiceGroup(
            configuration: .init(
                services: [.init(service: ServerService(server: server), successTerminationBehavior: .ignore)],
                logger: logger))
        return try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            let address = try await server.boundAddresses().first ?? ""
            do {
                let result = try await body(RunningServer(server: server, address: address, group: group))
                await group.triggerGracefulShutdown()
                try await tasks.waitForAll()
                return result
            } catch {
                await group.triggerGracefulShutdown()
                throw error
            }
        }
    }
}

extension RuleTable {
    static func forTests() throws -> RuleTable {
        RuleTable(
            [
                Rule(
                    name: try RuleName("dockerhub"), prefix: "dockerhub", host: .dockerHub,
                    virtualHosts: [try RegistryHost("hub.weir.test")], completesLibrary: true),
                Rule(name: try RuleName("lab"), prefix: "lab"),
                Rule(name: try RuleName("ghcr.io"), host: try RegistryHost("ghcr.io")),
                Rule(
                    name: try RuleName("team/app"), prefix: "team/app", upstreamPrefix: try RepositoryName("up-stream")),
            ], defaultRule: try RuleName("dockerhub"))
    }
}
