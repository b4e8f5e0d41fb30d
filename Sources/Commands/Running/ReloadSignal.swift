internal import ServiceLifecycle
internal import UnixSignals

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// SIGHUP, which has the configuration read again.
enum ReloadSignal {
    /// Reloads for every SIGHUP until a graceful shutdown, and once for those that came before.
    static func run(_ reload: () async -> Void) async {
        let signals = await UnixSignalsSequence(trapping: .sighup).cancelOnGracefulShutdown()
        EarlySignals.deliver([SIGHUP])
        for await _ in signals { await reload() }
    }
}
