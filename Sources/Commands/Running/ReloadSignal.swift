internal import ServiceLifecycle
internal import UnixSignals

/// SIGHUP, which has the configuration read again.
enum ReloadSignal {
    /// Reloads for every SIGHUP until a graceful shutdown.
    static func run(_ reload: () async -> Void) async {
        for await _ in await UnixSignalsSequence(trapping: .sighup).cancelOnGracefulShutdown() { await reload() }
    }
}
