import FoundationEssentials
import Glibc
import Testing

extension RealPrograms {
    /// `weir node-config` on a node's folder of hosts files, with the containerd that reads it.
    @Suite(.serialized)
    struct NodeFilesTests {
        private static let host = "made-up.example"
        private static let dockerReference = "docker.io/library/x:multi"

        /// Everything below `folder`: names, kinds, permissions, owners, times, links, and bytes.
        private func picture(_ folder: String, on machine: ClosedMachine) async throws -> String {
            try await machine.succeed(
                "sh",
                [
                    "-c",
                    """
                    cd \(folder) && find . -mindepth 1 -printf '%P %y %m %U %G %T@ %l\\n' | LC_ALL=C sort
                    find . -type f -print0 | LC_ALL=C sort -z | xargs -0r sha256sum
                    """,
                ])
        }

        /// What somebody else has put there: hosts, certificates, a link, a folder of another program's form.
        private func furnish(_ folder: String, on machine: ClosedMachine) async throws {
            try await machine.succeed(
                "sh",
                [
                    "-c",
                    """
                    set -e
                    mkdir -p \(folder) && cd \(folder)
                    for name in \(Self.host) docker.io registry.example:5000 _default; do
                        mkdir "$name"
                        printf 'server = "http://127.0.0.1:1" # %s' "$name" >"$name/hosts.toml"
                    done
                    printf '\\377\\376\\000' >docker.io/ca.der && chmod 600 docker.io/ca.der
                    mkdir quay.io && ln -s ../docker.io/ca.der quay.io/ca.crt && chown -h 12:34 quay.io/ca.crt
                    ln -s docker.io index.docker.io && touch -d @1000000000 docker.io/hosts.toml README
                    """,
                ])
        }

        @Test(.needs(.containerd, .ctr), .timeLimit(.minutes(3)))
        func `containerd pulls through what is kept, whatever else writes there, until it is put back`() async throws {
            try await Stage.with { stage in
                let machine = stage.machine
                let containerd = try await Containerd(on: machine)
                let folder = "\(containerd.folder)/hosts"
                try await furnish(folder, on: machine)
                let before = try await picture(folder, on: machine)
                await #expect(throws: MachineError.self) { try await containerd.pull(Self.dockerReference) }

                // As in its pod: root without a single capability.
                let configuration = "\(containerd.folder)/config.toml"
                func keep(_ mirrors: [String], name: String) throws -> MachineProcess {
                    try machine.start(
                        "setpriv",
                        [
                            "--bounding-set=-all", "--inh-caps=-all", "--no-new-privs", try WeirProcess.binary,
                            "node-config", "keep", "--every", "1s", "--listen", "127.0.0.1:9090", "--folder", folder,
                            "--containerd-config", configuration,
                        ] + mirrors.flatMap { ["--mirror", $0] }, name: name)
                }
                func page(_ path: String) async throws -> (status: Substring, body: String) {
                    let text = try await machine.run(
                        "curl", ["--silent", "--write-out", "\n%{http_code}", "http://127.0.0.1:9090\(path)"])
                    return (text.output.suffix(3), text.output)
                }
                let process = try keep([stage.weir.origin], name: "keep")
                try await machine.waitUntilListening(port: 9090)
                // containerd's own configuration here names no folder: what is written has no effect for Kubernetes.
                try await eventually("it says that config_path is missing", within: .seconds(10)) {
                    let ready = try await page("/readyz")
                    return ready.status == "503" && ready.body.contains("config_path is not set")
                }
                let text = try readText(configuration)
                try writeText(
                    text + "\n[plugins.\"io.containerd.grpc.v1.cri\".registry]\nconfig_path = \"\(folder)\"\n",
                    to: configuration)
                try await eventually("it is ready", within: .seconds(10)) { try await page("/readyz").status == "200" }
                #expect(try await page("/metrics").body.contains("weir_node_files_ready 1"))
                try await containerd.pull(Self.dockerReference)
                try await containerd.remove(Self.dockerReference)

                // Configuration management comes by, and somebody tidies up.
                let ours = try readText("\(folder)/_default/hosts.toml")
                try await machine.succeed(
                    "sh", ["-c", "cd \(folder) && rm -r _default && mkdir ghcr.io && echo theirs >ghcr.io/hosts.toml"])
                try await eventually("the files are as they are to be", within: .seconds(10)) {
                    (try? readText("\(folder)/_default/hosts.toml")) == ours && access("\(folder)/ghcr.io", F_OK) != 0
                }
                try await containerd.pull(Self.dockerReference)
                try await containerd.remove(Self.dockerReference)

                // A node that restarts, or a pod that is replaced, leaves the files; the next has another mirror.
                try await process.stop()
                #expect(try readText("\(folder)/_default/hosts.toml") == ours)
                let next = try keep(["http://127.0.0.1:1", stage.weir.origin], name: "next")
                try await eventually("the new address stands there", within: .seconds(10)) {
                    (try? readText("\(folder)/_default/hosts.toml"))?.contains("127.0.0.1:1\"") == true
                }
                try await containerd.pull(Self.dockerReference)
                next.kill()

                try await machine.succeed(try WeirProcess.binary, ["node-config", "restore", "--folder", folder])
                try await machine.succeed("rm", ["-r", "\(folder)/ghcr.io"])
                #expect(try await picture(folder, on: machine) == before)
            }
        }

        @Test(.needs(), .timeLimit(.minutes(3)))
        func `killed anywhere, what was there comes back byte for byte`() async throws {
            try await ClosedMachine.with { machine in
                let folder = "\(machine.scratch.path)/certs.d"
                try await furnish(folder, on: machine)
                // Enough to write that a kill falls into the middle.
                let registries = (1...200).flatMap { ["--registry", "r\($0).example"] } + ["--registry", "docker.io"]
                let weir = try WeirProcess.binary
                let apply =
                    [
                        "node-config", "apply", "--folder", folder, "--keep-existing", "--mirror",
                        "http://127.0.0.1:5000",
                    ]
                    + registries
                let before = try await picture(folder, on: machine)
                let start = ContinuousClock.now
                try await machine.succeed(weir, apply)
                let whole = Double((ContinuousClock.now - start).components.attoseconds) / 1e18
                let applied = try await picture(folder, on: machine)
                var killed = 0
                for round in 0..<24 {
                    let restores = ["node-config", "restore", "--folder", folder]
                    let (first, last) = round.isMultiple(of: 2) ? (apply, restores) : (restores, apply)
                    let seconds = whole * Double(round / 2 + 1) / 13
                    let result = try await machine.run(
                        "timeout", ["--signal=KILL", "\(seconds)", weir] + first)
                    if result.ending != .exited(0) { killed += 1 }
                    // What was begun is finished, or undone.
                    if round % 4 > 1 { try await machine.succeed(weir, first) }
                    try await machine.succeed(weir, last)
                    let now = try await names(folder, on: machine)
                    if round.isMultiple(of: 2) {
                        #expect(try await picture(folder, on: machine) == before, "killed after \(seconds) s")
                    } else {
                        #expect(now == Self.names(applied), "killed after \(seconds) s")
                    }
                }
                #expect(killed > 0)
                try await machine.succeed(weir, ["node-config", "restore", "--folder", folder])
                #expect(try await picture(folder, on: machine) == before)
            }
        }

        /// Of everything there, without times.
        private func names(_ folder: String, on machine: ClosedMachine) async throws -> Set<Substring> {
            Self.names(try await picture(folder, on: machine))
        }

        private static func names(_ picture: String) -> Set<Substring> {
            Set(picture.split(separator: "\n").compactMap { $0.split(separator: " ").first })
        }

        @Test(.needs(), .timeLimit(.minutes(1)))
        func `K3s's file is written, waits for a restart that is not ours to make, and is put back`() async throws {
            try await ClosedMachine.with { machine in
                let path = "\(try machine.scratch.folder("rancher"))/registries.yaml"
                let weir = try WeirProcess.binary
                let apply = ["node-config", "apply", "--k3s", path, "--mirror", "http://fd00::1:30500"]
                let restore = ["node-config", "restore", "--k3s", path]
                try await machine.succeed(weir, apply)
                #expect(try readText(path).contains("http://[fd00::1]:30500/v2"))
                #expect(try await machine.succeed(weir, apply) == "nothing had to be changed\n")
                try await machine.succeed(weir, restore)
                #expect(access(path, F_OK) != 0)
                try writeText("mirrors: {}\n", to: path)
                #expect(try await machine.succeed(weir, apply).contains("restart K3s on this node"))
                #expect(try await machine.succeed(weir, restore).hasPrefix("put back \(path); restart K3s"))
                #expect(try readText(path) == "mirrors: {}\n")
                #expect(try await machine.succeed(weir, restore) == "nothing was written there\n")
            }
        }
    }
}
