import Glibc

/// A process in a ``ClosedMachine``. It was started through nsenter, which stays as its parent.
final class MachineProcess: Sendable {
    private let entrance: ManagedProcess

    init(_ entrance: ManagedProcess) { self.entrance = entrance }

    var outputPath: String { entrance.outputPath }
    /// Nil while it runs.
    var ending: ManagedProcess.Ending? { entrance.ending }

    func ending(within bound: Duration) async throws -> ManagedProcess.Ending {
        try await entrance.ending(within: bound)
    }

    /// The program's identifier, as seen from outside of the machine.
    func identifier() async throws -> pid_t {
        try await eventually("nsenter starts the program") {
            if let ending = entrance.ending {
                throw MachineError.failed(command: "nsenter", ending: ending, output: try readText(outputPath))
            }
            return entrance.children.first
        }
    }

    /// Sends `signal` to the program itself.
    func send(_ signal: Int32) async throws {
        guard ending == nil else { return }
        entrance.send(signal, to: try await identifier())
    }

    /// Asks it to end, and kills it where it has not ended after `grace`.
    func stop(grace: Duration = .seconds(10)) async throws {
        guard ending == nil else { return }
        try await send(SIGTERM)
        if (try? await ending(within: grace)) == nil { entrance.killNow() }
    }

    /// Ends it with SIGKILL, and every process that it started in its group.
    func kill() { entrance.killNow() }
}
