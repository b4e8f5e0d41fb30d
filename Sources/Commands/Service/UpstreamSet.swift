internal import Logging
internal import Rules
internal import Synchronization
internal import Timekeeping
internal import Upstream
internal import UpstreamClient

/// The clients of all upstreams, one for each rule, over one transport.
final class UpstreamSet: Sendable {
    private let transport: UpstreamTransport
    private let logger: Logger
    private let clients: Mutex<[RuleName: UpstreamClient]>

    init(_ configurations: [RuleName: UpstreamClient.Configuration], transport: UpstreamTransport, logger: Logger) {
        self.transport = transport
        self.logger = logger
        clients = Mutex(
            configurations.mapValues { configuration in
                UpstreamClient(
                    configuration: configuration, transport: transport, clock: SystemWallClock(), logger: logger)
            })
    }

    subscript(rule: RuleName) -> UpstreamClient? { clients.withLock { $0[rule] } }

    var registries: [RuleName: any UpstreamRegistry] { clients.withLock { $0.mapValues { $0 } } }

    /// Makes clients for `configurations`; one whose configuration is what it was stays, with its tokens and what it
    /// learnt of its quota. Returns the clients before, of rules that are gone too, overlaid with the new ones.
    func replace(with configurations: [RuleName: UpstreamClient.Configuration]) -> [RuleName: any UpstreamRegistry] {
        clients.withLock { clients in
            let old = clients
            clients = [:]
            for (name, configuration) in configurations {
                if let client = old[name], client.configuration == configuration {
                    clients[name] = client
                } else {
                    clients[name] = UpstreamClient(
                        configuration: configuration, transport: transport, clock: SystemWallClock(), logger: logger)
                }
            }
            return old.merging(clients) { _, new in new }
        }
    }
}
