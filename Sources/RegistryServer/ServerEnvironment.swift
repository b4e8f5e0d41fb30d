internal import Listening
internal import Logging
internal import NIOCore
internal import PullThroughCache

/// What all connections of a server share.
final class ServerEnvironment: Sendable {
    let dispatcher: any RequestDispatching
    let connections: ConnectionTable
    let metrics: ServerMetrics
    let accessLog: AccessLog
    let date: DateField
    let logger: Logger
    let refreshAllowedFrom: [AddressBlock]
    let headerLimitBytes: Int
    let headerTimeout: TimeAmount
    let idleTimeout: TimeAmount
    let writeTimeout: TimeAmount
    let drainTimeout: TimeAmount

    init(
        configuration: RegistryServer.Configuration, dispatcher: any RequestDispatching, connections: ConnectionTable,
        metrics: ServerMetrics, date: DateField, refreshAllowedFrom: [AddressBlock], logger: Logger
    ) {
        self.dispatcher = dispatcher
        self.connections = connections
        self.metrics = metrics
        self.date = date
        self.logger = logger
        self.refreshAllowedFrom = refreshAllowedFrom
        accessLog = AccessLog(logger: logger, isEnabled: configuration.logsAccess)
        headerLimitBytes = configuration.headerLimitBytes
        headerTimeout = TimeAmount(configuration.headerTimeout)
        idleTimeout = TimeAmount(configuration.idleTimeout)
        writeTimeout = TimeAmount(configuration.writeTimeout)
        drainTimeout = TimeAmount(configuration.drainTimeout)
    }

    func client(at address: SocketAddress?) -> Client {
        guard let text = address?.ipAddress, let parsed = NetworkAddress(text) else {
            return Client(address: "unknown", mayRefresh: false)
        }
        return Client(
            address: parsed.description, mayRefresh: refreshAllowedFrom.contains { $0.contains(parsed) })
    }
}
