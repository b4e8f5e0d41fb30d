internal import Logging
internal import ServiceLifecycle
internal import UnixSignals

/// The parts of a service, run together until SIGTERM or SIGINT. They are ended in reverse order: clients are let go
/// before what answers them.
struct ServiceParts {
    private struct Part: Service {
        let body: @Sendable () async throws -> Void

        func run() async throws { try await body() }
    }

    private var parts: [Part] = []

    /// A part that ends by itself once the service is told to.
    mutating func add(_ body: @escaping @Sendable () async throws -> Void) { parts.append(Part(body: body)) }

    /// A part whose own way out is cancellation.
    mutating func addCancelled(_ body: @escaping @Sendable () async -> Void) {
        add { await cancelWhenGracefulShutdown { await body() } }
    }

    /// Runs them.
    /// - Parameter closing: done at the end, however it came about.
    func run(logger: Logger, closing: () async -> Void) async throws(CommandFailure) {
        var quiet = logger
        quiet.logLevel = .warning
        let group = ServiceGroup(
            configuration: ServiceGroupConfiguration(
                services: parts, gracefulShutdownSignals: [.sigterm, .sigint], logger: quiet))
        do {
            try await group.run()
        } catch {
            await closing()
            throw CommandFailure(.failure, "\(error)")
        }
        await closing()
    }
}
