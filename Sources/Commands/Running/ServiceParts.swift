internal import Logging
internal import RegistryServer
internal import ServiceLifecycle
internal import UnixSignals

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// The parts of a service, run together until SIGTERM or SIGINT. They are ended in reverse order: clients are let go
/// before what answers them.
struct ServiceParts {
    private struct Part: Service {
        let body: @Sendable () async throws -> Void

        func run() async throws { try await body() }
    }

    private var parts: [Part] = []
    private var listeners: [@Sendable () async throws -> Void] = []

    /// A part that ends by itself once the service is told to.
    mutating func add(_ body: @escaping @Sendable () async throws -> Void) { parts.append(Part(body: body)) }

    /// A part that others connect to.
    /// - Parameter listening: suspends until they can, and throws where they never will.
    mutating func add(
        _ body: @escaping @Sendable () async throws -> Void, listening: @escaping @Sendable () async throws -> Void
    ) {
        listeners.append(listening)
        add(body)
    }

    /// A server of HTTP, which others connect to.
    mutating func add(server: RegistryServer) {
        add {
            try await server.run()
        } listening: {
            _ = try await server.boundAddresses()
        }
    }

    /// A part that begins once others can connect to every part so far. One that they cannot connect to tells why by
    /// itself, and ends the service.
    mutating func addWhenListening(_ body: @escaping @Sendable () async throws -> Void) {
        add { [listeners] in
            for isListening in listeners {
                do { try await isListening() } catch { return try await gracefulShutdown() }
            }
            try await body()
        }
    }

    /// A part whose own way out is cancellation.
    mutating func addCancelled(_ body: @escaping @Sendable () async -> Void) {
        add { await cancelWhenGracefulShutdown { await body() } }
    }

    /// Runs them.
    /// - Parameters:
    ///   - reloads: whether a part answers SIGHUP, by ``ReloadSignal``.
    ///   - releasing: has the parts give back what they keep for speed; called now and then, and must not wait.
    ///   - closing: done at the end, however it came about.
    func run(
        logger: Logger, reloads: Bool = false, releasing: @escaping @Sendable () -> Void = {}, closing: () async -> Void
    ) async throws(CommandFailure) {
        var quiet = logger
        quiet.logLevel = .warning
        var all = parts
        if !reloads {
            all.append(
                Part {
                    await ReloadSignal.run {
                        logger.warning("SIGHUP changes nothing here: settings take effect with a restart")
                    }
                })
        }
        all.append(Part { await cancelWhenGracefulShutdown { await IdleMemory.keepReleasing(releasing) } })
        // A group has its handlers before it has its parts.
        all.append(
            Part {
                EarlySignals.deliver([SIGTERM, SIGINT])
                try await gracefulShutdown()
            })
        let group = ServiceGroup(
            configuration: ServiceGroupConfiguration(
                // What fails ends the others as a signal would: nobody's transfer is cut for another part's sake.
                services: all.map {
                    .init(service: $0, failureTerminationBehavior: .gracefullyShutdownGroup)
                }, gracefulShutdownSignals: [.sigterm, .sigint], logger: quiet))
        do {
            try await group.run()
        } catch {
            await closing()
            throw CommandFailure(.failure, "\(error)")
        }
        await closing()
    }
}
