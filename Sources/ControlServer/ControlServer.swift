internal import Hummingbird
package import Logging
internal import NIOCore
internal import NIOPosix
internal import ServiceLifecycle
internal import Synchronization

/// Answers weir's own commands, and whoever watches it, on a Unix socket.
package final class ControlServer: Sendable {
    private let path: String
    private let setting: String
    private let router: @Sendable () -> Router<BasicRequestContext>
    private let logger: Logger
    private let bound = MultiThreadedEventLoopGroup.singleton.next().makePromise(of: Void.self)

    /// - Parameter path: the socket's; see ``ControlSocket``.
    package init(path: String, service: any ControlledService, logger: Logger) {
        self.path = path
        setting = "control.socket"
        router = { ControlRoutes(service: service).router() }
        self.logger = logger
    }

    /// The same for a node.
    package init(path: String, node: any ControlledNode, logger: Logger) {
        self.path = path
        setting = "node.socket"
        router = { NodeRoutes(node: node).router() }
        self.logger = logger
    }

    deinit { bound.fail(CancellationError()) }

    /// Suspends until clients can connect.
    /// - Throws: why ``run()`` ended before they could.
    package func untilListening() async throws { try await bound.futureResult.get() }

    /// Answers until a graceful shutdown or cancellation, then removes the socket. To be called once.
    /// - Throws: ``ControlSocketError`` where there can be none.
    package func run() async throws {
        do {
            try await serve()
            bound.fail(CancellationError())
        } catch {
            bound.fail(error)
            throw error
        }
    }

    private func serve() async throws {
        let socket = try ControlSocket.prepare(at: path, setting: setting)
        defer { socket.remove() }
        let failure = Mutex<ControlSocketError?>(nil)
        // What the library reports of single connections is of no interest beside the service's own log.
        var logger = logger
        logger.logLevel = .warning
        try await withThrowingTaskGroup(of: Void.self) { group in
            let (published, continuation) = AsyncStream.makeStream(of: Bool.self, bufferingPolicy: .bufferingNewest(1))
            let application = Application(
                router: router(),
                configuration: ApplicationConfiguration(
                    address: .unixDomainSocket(path: socket.stagingPath), serverName: nil, backlog: 64),
                onServerRunning: { _ in
                    do throws(ControlSocketError) {
                        try socket.publish()
                        continuation.yield(true)
                    } catch {
                        failure.withLock { $0 = error }
                        continuation.yield(false)
                    }
                    continuation.finish()
                }, logger: logger)
            group.addTask {
                defer { continuation.finish() }
                try await application.run()
            }
            let isPublished = await published.first { _ in true } ?? false
            if isPublished { bound.succeed() } else { group.cancelAll() }
            do {
                try await group.next()
            } catch {
                if let failure = failure.withLock({ $0 }) { throw failure }
                throw error
            }
            if let failure = failure.withLock({ $0 }) { throw failure }
        }
    }
}
