internal import ControlServer
internal import Logging
internal import ServiceLifecycle
internal import UnixSignals

/// SIGHUP, which has the configuration read again.
enum ReloadSignal {
    /// Reloads for every SIGHUP until a graceful shutdown.
    static func run(_ reloader: Reloader, logger: Logger) async throws {
        let signals = await UnixSignalsSequence(trapping: .sighup)
        for await _ in signals.cancelOnGracefulShutdown() {
            do throws(ControlError) {
                _ = try await reloader.reload()
            } catch {
                // The reloader has written down what is wrong.
                logger.debug("SIGHUP changed nothing")
            }
        }
    }
}
