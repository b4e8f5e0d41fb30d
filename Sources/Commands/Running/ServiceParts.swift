internal import Logging
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

    /// A part that ends by itself once the service is told to.
    mutating func add(_ body: @escaping @Sendable () async throws -> Void) { parts.append(Part(body: body)) }

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
                services: all, gracefulShutdownSignals: [.sigterm, .sigint], logger: quiet))
        do {
            try await group.run()
        } catch {
            await closing()
            throw CommandFailure(.failure, "\(error)")
        }
        await closing()
    }
}
