/// This machine's own system, started anew in a closed machine: its systemd is the first process, and what is written
/// goes into memory.
///
/// For packages and units: what they do to a system is done to a copy that goes with the test.
struct BootedSystem {
    let machine: ClosedMachine
    /// The system's root folder, as the closed machine sees it.
    let root: String
    /// Its first process, as the closed machine sees it.
    private let first: String

    /// Boots it, with nothing enabled that is enabled here.
    init(on machine: ClosedMachine) async throws {
        self.machine = machine
        let folder = try machine.scratch.folder("system")
        root = "\(folder)/root"
        _ = try machine.start(
            "sh", ["-euc", Self.script, "boot", folder, machine.controlGroup], name: "system",
            environment: ["container": "weir-test"])
        first = try await eventually("systemd runs", within: .seconds(20)) {
            let found = try await machine.run(
                "sh",
                ["-c", #"for p in /proc/[0-9]*; do [ "$(cat $p/comm)" = systemd ] && echo ${p#/proc/}; done; true"#])
            let text = found.output.trimmingSuffix { $0 == "\n" }
            return text.isEmpty ? nil : String(text)
        }
        try await eventually("the system is up", within: .seconds(40)) {
            ["running\n", "degraded\n"].contains(try await run("systemctl", ["is-system-running"]).output)
        }
        try await succeed("ip", ["link", "set", "lo", "up"])
    }

    /// - Parameter bound: the command is killed after it.
    func run(_ program: String, _ arguments: [String], within bound: Duration = .seconds(60)) async throws
        -> CommandResult
    {
        try await machine.run(
            "nsenter",
            ["--target", first, "--mount", "--net", "--pid", "--cgroup", "--", "chroot", root, program] + arguments,
            // The tools would otherwise do nothing in what they take for a mere folder.
            environment: ["SYSTEMD_IGNORE_CHROOT": "1", "DEBIAN_FRONTEND": "noninteractive"], within: bound)
    }

    @discardableResult
    func succeed(_ program: String, _ arguments: [String], within bound: Duration = .seconds(60)) async throws -> String
    {
        let result = try await run(program, arguments, within: bound)
        guard result.ending == .exited(0) else {
            throw MachineError.failed(
                command: result.command, ending: result.ending,
                output: String((result.output + result.errors).suffix(4000)))
        }
        return result.output
    }

    /// $1: a folder for it; $2: the name of its control groups, which are removed with the machine.
    private static let script = """
        mount -t tmpfs -o size=2g tmpfs "$1"
        mkdir "$1/upper" "$1/work" "$1/root"
        mount -t overlay overlay -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" "$1/root"
        for group in /sys/fs/cgroup /sys/fs/cgroup/*; do
            [ ! -e "$group/cgroup.procs" ] || { mkdir -p "$group/$2" && echo $$ >"$group/$2/cgroup.procs"; } || true
        done 2>/dev/null
        exec unshare --cgroup --pid --fork --kill-child=KILL sh -euc '
            mount -t proc proc "$1/proc"
            mount -t sysfs sysfs "$1/sys"
            mount --rbind /dev "$1/dev"
            mount -t tmpfs tmpfs "$1/run"
            mount -t tmpfs tmpfs "$1/tmp"
            mount -t tmpfs tmpfs "$1/sys/fs/cgroup"
            mkdir "$1/sys/fs/cgroup/systemd"
            mount -t cgroup -o none,name=systemd cgroup "$1/sys/fs/cgroup/systemd" 2>/dev/null || {
                umount "$1/sys/fs/cgroup"
                mount -t cgroup2 cgroup "$1/sys/fs/cgroup"
            }
            rm -rf "$1"/etc/systemd/system/*.wants
            exec chroot "$1" /lib/systemd/systemd --system --log-target=console --unit=basic.target
        ' boot "$1/root"
        """
}

extension StringProtocol {
    fileprivate func trimmingSuffix(while predicate: (Character) -> Bool) -> Substring {
        var rest = Substring(self)
        while let last = rest.last, predicate(last) { rest.removeLast() }
        return rest
    }
}
