import Glibc
import Synchronization

/// A process that a test started: in its own process group, its output in a file, killed at the latest when the last
/// reference goes.
final class ManagedProcess: Sendable {
    /// How a process ended.
    enum Ending: Sendable, Hashable {
        case exited(Int32)
        case signalled(Int32)
    }

    private enum State {
        case running
        case ended(Ending)
    }

    /// The process that was started, and the leader of its group.
    let identifier: pid_t
    /// The file that takes standard output and standard error.
    let outputPath: String
    private let state = Mutex<State>(.running)

    /// Starts `command`, whose first element is an absolute path.
    ///
    /// - Parameters:
    ///   - input: becomes standard input; `/dev/null` where nil. Stays open here.
    ///   - errorsPath: takes standard error, where it is to be apart from the output.
    /// - Throws: ``MachineError/cannotStart(program:code:)``.
    init(
        _ command: [String], environment: [String: String], outputPath: String, errorsPath: String? = nil,
        input: Int32? = nil
    ) throws(MachineError) {
        var actions = posix_spawn_file_actions_t()
        var attributes = posix_spawnattr_t()
        posix_spawn_file_actions_init(&actions)
        posix_spawnattr_init(&attributes)
        defer {
            posix_spawn_file_actions_destroy(&actions)
            posix_spawnattr_destroy(&attributes)
        }
        if let input {
            posix_spawn_file_actions_adddup2(&actions, input, 0)
        } else {
            posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        }
        let writing = O_WRONLY | O_CREAT | O_APPEND
        posix_spawn_file_actions_addopen(&actions, 1, outputPath, writing, 0o644)
        if let errorsPath {
            posix_spawn_file_actions_addopen(&actions, 2, errorsPath, writing, 0o644)
        } else {
            posix_spawn_file_actions_adddup2(&actions, 1, 2)
        }
        // What the test process ignores or blocks is none of the child's business.
        var none = sigset_t()
        var all = sigset_t()
        sigemptyset(&none)
        sigfillset(&all)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setsigdefault(&attributes, &all)
        posix_spawnattr_setpgroup(&attributes, 0)
        posix_spawnattr_setflags(
            &attributes, Int16(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))

        let arguments = command.map { strdup($0) } + [nil]
        let variables = environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { (arguments + variables).forEach { free($0) } }
        var child: pid_t = 0
        let code = posix_spawn(&child, command[0], &actions, &attributes, arguments, variables)
        guard code == 0 else { throw MachineError.cannotStart(program: command[0], code: code) }
        self.identifier = child
        self.outputPath = outputPath
    }

    deinit { killNow() }

    /// Nil while the process runs.
    var ending: Ending? {
        state.withLock { state in
            if case .ended(let ending) = state { return ending }
            var status: Int32 = 0
            guard waitpid(identifier, &status, WNOHANG) == identifier else { return nil }
            return record(status, in: &state)
        }
    }

    /// Waits for the end; at most `bound`.
    /// - Throws: ``MachineError/timedOut(what:)``.
    func ending(within bound: Duration) async throws -> Ending {
        try await eventually("process \(identifier) ends", within: bound) { self.ending }
    }

    /// Sends `signal` to `target`, which has to be a descendant or this process, where this process still runs.
    func send(_ signal: Int32, to target: pid_t? = nil) {
        state.withLock { state in
            // Under the lock and before it is reaped, so that the identifier is still its own.
            guard case .running = state else { return }
            kill(target ?? identifier, signal)
        }
    }

    /// Kills this process and its group, and waits for its end.
    ///
    /// Its children go first, while it can still collect them: nsenter's would otherwise fall to the system's first
    /// process, and their namespace lasts until that one cares to collect them.
    func killNow() {
        state.withLock { state in
            guard case .running = state else { return }
            children.forEach { kill($0, SIGKILL) }
            for _ in 0..<1000 where !children.isEmpty { usleep(1000) }
            kill(-identifier, SIGKILL)
            var status: Int32 = 0
            while waitpid(identifier, &status, 0) == -1 && errno == EINTR {}
            _ = record(status, in: &state)
        }
    }

    /// The processes that this one started and that still run.
    var children: [pid_t] {
        let text = (try? readText("/proc/\(identifier)/task/\(identifier)/children")) ?? ""
        return text.split(separator: " ").compactMap { pid_t($0) }
    }

    private func record(_ status: Int32, in state: inout State) -> Ending {
        let signal = status & 0x7F
        let ending: Ending = signal == 0 ? .exited((status >> 8) & 0xFF) : .signalled(signal)
        state = .ended(ending)
        return ending
    }
}
