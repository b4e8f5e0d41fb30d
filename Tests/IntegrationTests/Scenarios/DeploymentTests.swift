import FoundationEssentials
import Glibc
import Testing

extension RealPrograms {
    /// What is made for machines: the container image and the Debian package, each installed and started.
    @Suite(.serialized)
    struct DeploymentTests {
        @Test(.needs(.podman), .timeLimit(.minutes(3)))
        func `the image runs without privileges on a read-only root, and serves`() async throws {
            try await ClosedMachine.with { machine in
                let registry = try await RealRegistry(on: machine)
                let image = try await ImageFactory(machine: machine).make("x", layerBytes: 1 << 20)
                try await registry.push(image, as: Stage.repository)
                // podman takes a layout by a path in lower case only.
                try await machine.succeed("mkdir", ["/run/layout"])
                try await machine.succeed("mount", ["-t", "tmpfs", "-o", "size=1g", "tmpfs", "/run/layout"])
                let layout = "/run/layout/weir"
                try await Scripts.run("build-image", [try WeirProcess.binary, layout, "test"], on: machine)
                let folder = try machine.scratch.folder("configuration")
                try writeText(
                    """
                    listen: 127.0.0.1:5000
                    storage: { limit: 256MiB }
                    wellKnownRegistries: false
                    rules: { hub: { registry: "\(registry.origin)", host: docker.io } }
                    """, to: "\(folder)/weir.yaml")

                let podman = try Podman(on: machine, mirrors: [:])
                let container = try podman.start(
                    "oci:\(layout):test",
                    options: [
                        "--read-only", "--read-only-tmpfs=false", "--cap-drop", "ALL", "--security-opt",
                        "no-new-privileges",
                        "--network", "host", "--volume", "\(folder):/etc/weir:ro",
                    ])
                do {
                    try await machine.waitUntilListening(port: 5000, within: .seconds(60))
                } catch {
                    throw MachineError.timedOut(what: "the container serves: \(try readText(container.outputPath))")
                }
                let folderOfImage = try await Skopeo(machine: machine).pull("127.0.0.1:5000/\(Stage.repository):multi")
                #expect(try Skopeo.verified(folderOfImage, is: image) == image.everything)
                let status = try readText("/proc/\(try await weir(in: container))/status")
                #expect(status.contains("Uid:\t10001\t10001\t10001\t10001"), "an unprivileged user")
                #expect(status.contains("CapEff:\t0000000000000000"))
                // The first process of a container is given no signal that it has not asked for.
                try await container.stop()
                #expect(container.ending == .exited(0), "it ends when it is told to")
            }
        }

        @Test(.needs(), .timeLimit(.minutes(3)))
        func `the image's bytes depend on the binary alone`() async throws {
            try await ClosedMachine.with { machine in
                // A small program stands for the binary: packing is what matters here.
                let binary = "\(machine.scratch.path)/weir"
                try await machine.succeed("cp", ["/bin/true", binary])
                var built: [String] = []
                for name in ["one", "two"] {
                    let layout = "\(machine.scratch.path)/\(name)"
                    try await Scripts.run("build-image", [binary, layout, "test"], on: machine)
                    built.append(try readText("\(layout)/index.json"))
                }
                #expect(built[0] == built[1])
            }
        }

        @Test(.needs(.systemd, .dpkgDeb), .timeLimit(.minutes(3)))
        func `the package brings a service that starts, reloads, and goes without a trace`() async throws {
            try await ClosedMachine.with { machine in
                let folder = try machine.scratch.folder("package")
                try await Scripts.run(
                    "build-deb", [try WeirProcess.binary, folder], on: machine,
                    environment: ["WEIR_LOCAL_LIBRARIES": "yes"])
                let system = try await BootedSystem(on: machine)
                try await machine.succeed("sh", ["-c", "cp \(folder)/weir_*.deb \(system.root)/root/weir.deb"])
                try await system.succeed("dpkg", ["--install", "/root/weir.deb"])

                let address = "http://127.0.0.1:5000"
                try await eventually("the service is ready", within: .seconds(30)) {
                    try await system.run("curl", ["--fail", "--silent", "\(address)/readyz"]).ending == .exited(0)
                }
                #expect(try await system.succeed("systemctl", ["is-active", "weir"]) == "active\n")
                #expect(try await system.succeed("systemctl", ["is-enabled", "weir"]) == "enabled\n")
                // The commands find the service without being told where, and as an ordinary user of it.
                let status = try await system.succeed("runuser", ["-u", "weir", "--", "weir", "status"])
                #expect(status.contains("/var/lib/weir"))
                let owner = try await system.succeed("stat", ["-c", "%U %a", "/var/lib/weir/catalogue.sqlite"])
                #expect(owner.hasPrefix("weir "))

                try await system.succeed(
                    "sh", ["-c", "echo 'rules: { lab: { registry: \"http://127.0.0.1:1\" } }' >>/etc/weir/weir.yaml"])
                try await system.succeed("systemctl", ["reload", "weir"])
                try await eventually("the reload took effect", within: .seconds(10)) {
                    try await system.succeed("runuser", ["-u", "weir", "--", "weir", "status"]).contains("lab")
                }

                let exposure = try await system.succeed("systemd-analyze", ["security", "--no-pager", "weir.service"])
                #expect(exposure.contains(" OK "), "the sandbox is tight: \(exposure.suffix(80))")

                try await system.succeed("dpkg", ["--purge", "weir"])
                let left = try await system.run("ls", ["-d", "/var/lib/weir", "/etc/weir", "/usr/bin/weir"])
                #expect(left.output.isEmpty, "purged")
                #expect(try await system.run("id", ["weir"]).ending != .exited(0), "and the user with it")
            }
        }

        @Test(.needs(.kubectl), .timeLimit(.minutes(2)))
        func `what is applied to a cluster keeps to its API, and the chart says the same`() async throws {
            try await ClosedMachine.with { machine in
                let report = try await machine.succeed(
                    Scripts.python, ["\(Scripts.folder)/scripts/check-deployment", try WeirProcess.binary])
                #expect(report.contains("chart and overlays agree"))
            }
        }

        @Test(.needs(), .timeLimit(.minutes(2)))
        func `the policies for a cluster do to every image what rewriting does`() async throws {
            try await ClosedMachine.with { machine in
                let report = try await machine.succeed(
                    Scripts.python, ["\(Scripts.folder)/scripts/check-policies", try WeirProcess.binary])
                #expect(report.contains("the policies agree with weir rewrite"))
            }
        }

        @Test(.needs(.kubectl), .timeLimit(.minutes(2)))
        func `what Helm and Kustomize render is rewritten on its way`() async throws {
            try await ClosedMachine.with { machine in
                let weir = try WeirProcess.binary
                let chart = try machine.scratch.folder("chart")
                let manifest = """
                    apiVersion: v1
                    kind: Pod
                    metadata: {name: x}
                    spec:
                      containers: # ours
                      - {name: a, image: nginx}

                    """
                try await machine.succeed("mkdir", ["\(chart)/templates"])
                try writeText("apiVersion: v2\nname: chart\nversion: 0.1.0\n", to: "\(chart)/Chart.yaml")
                try writeText(manifest, to: "\(chart)/templates/pod.yaml")
                let wanted = manifest.replacing("nginx", with: "weir.corp:5000/docker.io/library/nginx")
                let charted = try await machine.succeed(
                    "\(Scripts.tools)/helm",
                    ["template", "x", chart, "--post-renderer", weir]
                        + ["rewrite", "--address=weir.corp:5000"].flatMap { ["--post-renderer-args", $0] })
                #expect(charted == "---\n# Source: chart/templates/pod.yaml\n\(wanted)")

                let folder = try machine.scratch.folder("kustomization")
                try writeText("resources: [pod.yaml]\n", to: "\(folder)/kustomization.yaml")
                try writeText(manifest, to: "\(folder)/pod.yaml")
                let kustomized = try await machine.succeed(
                    "sh", ["-c", "kubectl kustomize '\(folder)' | '\(weir)' rewrite --address weir.corp:5000"])
                #expect(kustomized.contains("image: weir.corp:5000/docker.io/library/nginx\n"))
            }
        }

        /// The process in the container, as seen from outside.
        private func weir(in container: MachineProcess) async throws -> pid_t {
            try await eventually("the container's process is found") {
                try FileManager.default.contentsOfDirectory(atPath: "/proc").compactMap { pid_t($0) }.first { process in
                    (try? readText("/proc/\(process)/status"))?.contains("Uid:\t10001\t") == true
                }
            }
        }
    }
}

/// The project's own scripts.
enum Scripts {
    /// The project's folder.
    static var folder: String { #filePath.split(separator: "/").dropLast(4).map { "/\($0)" }.joined() }

    /// What `scripts/install-deployment-tools` installs.
    static var tools: String { "\(folder)/.build/deployment-tools/bin" }
    static var python: String { "\(tools)/python" }

    /// - Throws: ``MachineError/failed(command:ending:output:)``.
    static func run(
        _ name: String, _ arguments: [String], on machine: ClosedMachine, environment: [String: String] = [:]
    ) async throws {
        try await machine.succeed(
            "\(folder)/scripts/\(name)", arguments,
            environment: ["LD_LIBRARY_PATH": ProcessInfo.processInfo.environment["LD_LIBRARY_PATH"] ?? ""].merging(
                environment
            ) { $1 },
            within: .seconds(120))
    }
}
