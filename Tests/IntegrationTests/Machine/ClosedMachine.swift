import FoundationEssentials
import Glibc
import Synchronization

/// A machine of a test's own: its network is a loopback interface and nothing else, and its mounts and processes are
/// its own, by namespaces.
///
/// Ports are free for the taking in it. A client that leaves its mirror for the real registry fails at once, since no
/// network leads there. When the machine goes, or the test process dies in whatever way, the kernel kills every process
/// in it and undoes every mount.
final class ClosedMachine: Sendable {
    /// Names that lead to 127.0.0.1 in it.
    static let names = ["hub.weir.test"]

    let scratch: ScratchDirectory
    private let holder: ManagedProcess
    /// While this end of the pipe is open the machine lives.
    private let lifeline: Int32
    /// The machine's first process, as seen from outside.
    private let first: pid_t
    private let counter = Mutex(0)
    /// Keeps what was started running when the test that started it looks at it no more.
    private let started = Mutex<[MachineProcess]>([])

    /// Runs `body` on a new machine, and removes the machine afterwards.
    static func with<Result>(_ body: (ClosedMachine) async throws -> Result) async throws -> Result {
        let machine = try await ClosedMachine()
        do {
            let result = try await body(machine)
            machine.remove()
            return result
        } catch {
            machine.remove()
            throw error
        }
    }

    private init() async throws {
        let scratch = try ScratchDirectory()
        var ends: [Int32] = [-1, -1]
        // A pair of sockets rather than a pipe, since those are closed in every other child from the first moment.
        let kind = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
        guard socketpair(AF_UNIX, kind, 0, &ends) == 0 else {
            throw MachineError.cannotStart(program: "pipe", code: errno)
        }
        let lifeline = ends[1]
        defer { close(ends[0]) }
        // A /run of its own keeps daemons from meeting those of the machine the tests run on. In the other folder
        // skopeo and podman note where they met which blob.
        let script = """
            set -e
            ip link set lo up
            mount -t tmpfs -o mode=755,size=64m tmpfs /run
            mount --bind \(scratch.path)/hosts /etc/hosts
            mkdir -p /var/lib/containers
            mount -t tmpfs -o mode=755,size=16m tmpfs /var/lib/containers
            echo ready
            exec cat >/dev/null
            """
        try writeText("127.0.0.1 localhost \(Self.names.joined(separator: " "))\n", to: "\(scratch.path)/hosts")
        let holder: ManagedProcess
        do {
            holder = try ManagedProcess(
                [
                    try Self.path("unshare"), "--net", "--mount", "--propagation", "private", "--pid", "--fork",
                    "--kill-child=KILL", "--mount-proc", "--", "/bin/sh", "-c", script,
                ],
                environment: Self.environment(home: scratch.path), outputPath: "\(scratch.path)/machine.log",
                input: ends[0])
        } catch {
            close(lifeline)
            throw error
        }
        do {
            try await eventually("the closed machine is up", within: .seconds(10)) {
                if let ending = holder.ending {
                    throw MachineError.failed(
                        command: "unshare", ending: ending, output: try readText(holder.outputPath))
                }
                return try readText(holder.outputPath).contains("ready")
            }
            first = try await eventually("the first process is known") { holder.children.first }
        } catch {
            holder.killNow()
            close(lifeline)
            throw error
        }
        self.scratch = scratch
        self.holder = holder
        self.lifeline = lifeline
    }

    deinit {
        holder.killNow()
        close(lifeline)
    }

    private func remove() {
        holder.killNow()
        removeControlGroups()
    }

    /// Names what container engines leave outside of the machine: control groups are not a matter of namespaces.
    var controlGroup: String { scratch.path.split(separator: "/").last.map(String.init) ?? "weir-test" }

    /// Removes the groups of that name, in the one hierarchy or in each of the older many.
    private func removeControlGroups() {
        let root = "/sys/fs/cgroup"
        let hierarchies = (try? FileManager.default.contentsOfDirectory(atPath: root)) ?? []
        for parent in [root] + hierarchies.map({ "\(root)/\($0)" }) {
            removeFolders("\(parent)/\(controlGroup)")
        }
    }

    /// Removes a tree of folders whose files are the kernel's. A folder that holds processes stays.
    private func removeFolders(_ path: String) {
        guard access(path, F_OK) == 0 else { return }
        for name in (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? [] {
            removeFolders("\(path)/\(name)")
        }
        rmdir(path)
    }

    /// Starts `program` in the machine; it goes on until it is stopped or the machine goes.
    ///
    /// - Parameters:
    ///   - program: a name that is looked up, or an absolute path.
    ///   - name: names the file that takes its output.
    func start(
        _ program: String, _ arguments: [String], name: String, environment: [String: String] = [:]
    ) throws -> MachineProcess {
        let process = MachineProcess(
            try launch(program, arguments, outputPath: logPath(name), environment: environment))
        started.withLock { $0.append(process) }
        return process
    }

    /// Where a program's output goes, for ``start(_:_:name:environment:)`` with that name.
    func logPath(_ name: String) -> String { "\(scratch.path)/\(name).log" }

    /// Runs `program` to its end, whatever that is.
    /// - Throws: ``MachineError/timedOut(what:)`` after `bound`; the program is killed then.
    func run(
        _ program: String, _ arguments: [String], environment: [String: String] = [:],
        within bound: Duration = .seconds(60)
    ) async throws -> CommandResult {
        let number = counter.withLock { counter in
            counter += 1
            return counter
        }
        let outputPath = "\(scratch.path)/command-\(number).out"
        let errorsPath = "\(scratch.path)/command-\(number).err"
        let process = try launch(
            program, arguments, outputPath: outputPath, errorsPath: errorsPath, environment: environment)
        defer {
            process.killNow()
            unlink(outputPath)
            unlink(errorsPath)
        }
        do {
            let ending = try await process.ending(within: bound)
            return CommandResult(
                command: ([program] + arguments).joined(separator: " "), ending: ending,
                output: try readText(outputPath), errors: try readText(errorsPath))
        } catch MachineError.timedOut {
            let tail = ((try? readText(outputPath)) ?? "") + ((try? readText(errorsPath)) ?? "")
            throw MachineError.timedOut(
                what: "\(([program] + arguments).joined(separator: " ")): \(tail.suffix(2000))")
        }
    }

    /// Runs `program`, which has to exit with 0, and returns what it wrote to standard output.
    @discardableResult
    func succeed(
        _ program: String, _ arguments: [String], environment: [String: String] = [:],
        within bound: Duration = .seconds(60)
    ) async throws -> String {
        let result = try await run(program, arguments, environment: environment, within: bound)
        guard result.ending == .exited(0) else {
            throw MachineError.failed(
                command: result.command, ending: result.ending,
                output: String((result.output + result.errors).suffix(4000)))
        }
        return result.output
    }

    /// Waits until something listens on `port`.
    func waitUntilListening(port: Int, within bound: Duration = .seconds(20)) async throws {
        try await eventually("something listens on port \(port)", within: bound) { try isListening(port: port) }
    }

    /// Whether something listens on `port`, by the kernel's table: no connection is made, so that no log shows one.
    func isListening(port: Int) throws -> Bool {
        let hexadecimal = String(port, radix: 16, uppercase: true)
        let ending = ":" + String(repeating: "0", count: max(0, 4 - hexadecimal.count)) + hexadecimal
        return try ["tcp", "tcp6"].contains { table in
            try readText("/proc/\(first)/net/\(table)").split(separator: "\n").dropFirst().contains { line in
                let columns = line.split(separator: " ", maxSplits: 4)
                // 0A is LISTEN.
                return columns.count > 3 && columns[1].hasSuffix(ending) && columns[3] == "0A"
            }
        }
    }

    /// Mounts an empty file system of `size` (as mount(8) takes it, "8m") at `path`, in this machine alone.
    func mountMemory(at path: String, size: String) async throws {
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        try await succeed("mount", ["-t", "tmpfs", "-o", "size=\(size)", "tmpfs", path])
    }

    private func launch(
        _ program: String, _ arguments: [String], outputPath: String, errorsPath: String? = nil,
        environment: [String: String]
    ) throws -> ManagedProcess {
        let entrance = [try Self.path("nsenter"), "--target", "\(first)", "--net", "--mount", "--pid", "--"]
        let executable = program.hasPrefix("/") ? program : try Self.path(program)
        return try ManagedProcess(
            entrance + [executable] + arguments,
            environment: Self.environment(home: scratch.path).merging(environment) { $1 },
            outputPath: outputPath, errorsPath: errorsPath)
    }

    private static func path(_ program: String) throws -> String {
        guard let path = Component.find(program) else { throw MachineError.missing(program: program) }
        return path
    }

    /// Nothing of the surrounding environment: a proxy or a certificate bundle set there would change what is tested.
    private static func environment(home: String) -> [String: String] {
        ["PATH": Component.searchPath.joined(separator: ":"), "HOME": home, "LANG": "C.UTF-8", "TMPDIR": "/tmp"]
    }
}
