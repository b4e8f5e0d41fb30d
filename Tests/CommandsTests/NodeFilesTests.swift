import Foundation
import Logging
import NodeConfiguration
import OCI
import PrometheusMetrics
import ServiceLifecycle
import Testing

@testable import Commands

@Suite struct NodeFilesTests {
    @Test(arguments: [
        ("http://10.0.0.1:5000", "http://10.0.0.1:5000"), ("https://weir.example", "https://weir.example"),
        ("http://[fd00::1]:5000", "http://[fd00::1]:5000"), ("http://fd00::1:30500", "http://[fd00::1]:30500"),
        ("http://::1:5", "http://[::1]:5"), ("http://fd00::g:30500", nil), ("http://fd00::1:", nil), ("10.0.0.1", nil),
        ("http://", nil), ("http://a/v2", nil), ("http://a\"b:1", nil), ("ftp://a:1", nil), ("http://:30500", nil),
    ])
    func `a mirror's address is one that containerd takes`(_ text: String, _ expected: String?) {
        #expect(MirrorAddress(text)?.text == expected)
    }

    private func finding(_ isFatal: Bool, _ concern: ContainerdCheck.Finding.Concern) -> ContainerdCheck.Finding {
        .init(isFatal: isFatal, concern: concern, problem: "p", advice: "a")
    }

    @Test func `what is advised to be written stands on lines of its own`() async throws {
        let folder = try Folder()
        let outcome = try await ProgramTests.run([
            "node-config", "check", "--containerd-config", "\(folder.path)/none.toml", "--folder", "/etc/certs.d",
        ])
        #expect(outcome.code == 1 && outcome.output.contains("there is no \(folder.path)/none.toml"))
        let lines = outcome.output.split(separator: "\n").map(String.init)
        #expect(lines.contains(#"[plugins."io.containerd.cri.v1.images".registry]"#), "\(lines)")
        #expect(lines.contains(#"config_path = "/etc/certs.d""#), "\(lines)")
    }

    @Test(arguments: [
        ("Permission denied", true), ("Read-only file system", true), ("No space left on device", false),
    ])
    func `want of rights names the next step`(_ reason: String, _ isAdvised: Bool) {
        let error = NodeConfigurationError.system(call: "mkdir", path: "/x", reason: reason)
        #expect(error.failure().message.contains("--folder") == isAdvised)
        #expect(error.failure().message.contains("/x: mkdir failed: \(reason)"))
    }

    @Test func `a folder that is made is told`() async throws {
        let folder = try Folder()
        let arguments = ["node-config", "apply", "--mirror", "http://a:1", "--folder", "\(folder.path)/certs.d"]
        let first = try await ProgramTests.run(arguments)
        #expect(first.code == 0 && first.output.hasPrefix("made \(folder.path)/certs.d"), "\(first)")
        let second = try await ProgramTests.run(arguments)
        #expect(second.output == "nothing had to be changed\n")
    }

    @Test func `only what keeps hosts files from being read is a problem`() {
        #expect(NodeFilesState(done: [], findings: [finding(true, .hostsFiles)]).problem == "p; a")
        #expect(NodeFilesState(done: [], findings: [finding(false, .hostsFiles)]).problem == nil)
        #expect(NodeFilesState(done: [], findings: [finding(true, .sharing)]).problem == nil)
    }

    @Test func `a state is told once, and its end as well`() {
        let bad = NodeFilesState(done: ["wrote x"], findings: [finding(true, .hostsFiles)])
        let same = NodeFilesState(done: [], findings: [finding(true, .hostsFiles)])
        let good = NodeFilesState(done: [], findings: [finding(true, .sharing)])
        #expect(bad.lines(after: .unknown).map(\.detail) == ["wrote x", "p; a"])
        #expect(same.lines(after: bad).isEmpty)
        #expect(good.lines(after: same).map(\.level) == [.notice, .notice])
        #expect(good.lines(after: good).isEmpty)
    }

    private func keeper(_ folder: Folder, _ aim: (HostsFolder) -> NodeFilesKeeper.Aim, end: Bool = false)
        -> NodeFilesKeeper
    {
        NodeFilesKeeper(
            aim(HostsFolder(path: "\(folder.path)/certs.d")), interval: .seconds(3600), restoresAtEnd: end,
            metrics: PrometheusRegistry(), logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }

    private let files = [HostsFile(scope: .registry(.dockerHub), mirrors: ["http://10.0.0.1:30500"])]
    private let containerd = """
        version = 2
        [plugins."io.containerd.grpc.v1.cri".registry]
          config_path = "FOLDER/certs.d"
        """

    @Test func `what something else changes is as it is to be in the next round`() throws {
        let folder = try Folder()
        let configuration = try folder.write("version = 2\n", to: "config.toml")
        let keeper = keeper(folder) {
            .applied(
                .hosts($0, files: files, existing: .setAside), containerd: .init(path: configuration))
        }
        #expect(keeper.unreadiness == "nothing was tried yet")
        keeper.look()
        #expect(keeper.unreadiness?.hasPrefix("config_path is not set") == true)
        try folder.write(containerd.replacing("FOLDER", with: folder.path), to: "config.toml")
        keeper.look()
        #expect(keeper.unreadiness == nil)

        let file = "\(folder.path)/certs.d/docker.io/hosts.toml"
        let written = try String(contentsOfFile: file, encoding: .utf8)
        try FileManager.default.removeItem(atPath: "\(folder.path)/certs.d/docker.io")
        keeper.look()
        #expect(try String(contentsOfFile: file, encoding: .utf8) == written)
        try folder.write("server = \"https://x\"\n", to: "certs.d/docker.io/hosts.toml")
        keeper.look()
        #expect(try String(contentsOfFile: file, encoding: .utf8) == written)

        try folder.write("version = [", to: "config.toml")
        keeper.look()
        #expect(keeper.unreadiness?.contains("is no TOML") == true)
    }

    @Test func `a file in the folder's place is told, and tried again`() throws {
        let folder = try Folder()
        try folder.write("", to: "certs.d")
        let keeper = keeper(folder) { .applied(.hosts($0, files: files, existing: .setAside), containerd: nil) }
        keeper.look()
        #expect(keeper.unreadiness?.contains("certs.d") == true)
        try FileManager.default.removeItem(atPath: "\(folder.path)/certs.d")
        keeper.look()
        #expect(keeper.unreadiness == nil)
    }

    @Test func `K3s's file is written at once, and ready once K3s was restarted`() throws {
        let folder = try Folder()
        let path = "\(folder.path)/registries.yaml"
        let keeper = keeper(folder) { _ in
            .applied(
                .k3s(
                    K3sRegistries(registries: [], mirrors: ["http://10.0.0.1:30500"]),
                    file: K3sRegistriesFile(path: path), hosts: K3sHosts(folder: folder.path)),
                containerd: nil)
        }
        keeper.look()
        #expect(try String(contentsOfFile: path, encoding: .utf8).contains("http://10.0.0.1:30500/v2"))
        #expect(keeper.unreadiness?.contains("restart K3s on this node") == true)
        try FileManager.default.createDirectory(
            atPath: "\(folder.path)/_default", withIntermediateDirectories: false)
        try folder.write("[host.\"http://10.0.0.1:30500/v2\"]\n", to: "_default/hosts.toml")
        keeper.look()
        #expect(keeper.unreadiness == nil)
    }

    @Test(arguments: [false, true]) func `at its end the files stay, unless that was asked for`(restores: Bool)
        async throws
    {
        let folder = try Folder()
        let keeper = keeper(
            folder, { .applied(.hosts($0, files: files, existing: .setAside), containerd: nil) }, end: restores)
        let group = ServiceGroup(
            configuration: .init(
                services: [.init(service: keeper, successTerminationBehavior: .gracefullyShutdownGroup)],
                logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }))
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            while keeper.unreadiness != nil { await Task.yield() }
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
        }
        #expect(HostsFolder(path: "\(folder.path)/certs.d").isApplied == !restores)
        let left = FileManager.default.fileExists(atPath: "\(folder.path)/certs.d/docker.io/hosts.toml")
        #expect(left == !restores)
    }

    @Test func `what was there is put back, and stays so`() throws {
        let folder = try Folder()
        let hosts = HostsFolder(path: "\(folder.path)/certs.d")
        try hosts.apply(files, existing: .setAside)
        let keeper = keeper(folder) { .restored(.hosts($0)) }
        keeper.look()
        #expect(keeper.unreadiness == nil)
        #expect(try FileManager.default.contentsOfDirectory(atPath: hosts.path) == [])
        try hosts.apply(files, existing: .setAside)
        keeper.look()
        #expect(try FileManager.default.contentsOfDirectory(atPath: hosts.path) == [])
    }
}
