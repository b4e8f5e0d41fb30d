import Credentials
import Foundation
import HostileInput
import Testing
import Timekeeping

@testable import CredentialSources

@Suite(.timeLimit(.minutes(1))) struct CredentialHelperTests {
    private func ask(_ script: String, _ host: String = "r.io") async throws -> AccountCredentials {
        let folder = try Folder()
        try folder.install("docker-credential-test", script)
        return try await CredentialHelper(name: "test", environment: folder.environment)
            .credentials(for: DockerServer(host: host))
    }

    @Test func `a helper is asked with get, and the server on its standard input`() async throws {
        let script = #"read server; echo "{\"ServerURL\":\"x\",\"Username\":\"$1\",\"Secret\":\"$server\"}""#
        #expect(try await ask(script) == .basic(username: "get", password: "r.io"))
        #expect(
            try await ask(script, "docker.io") == .basic(username: "get", password: "https://index.docker.io/v1/"))
    }

    @Test func `the name <token> means an identity token`() async throws {
        #expect(try await ask(#"echo '{"Username":"<token>","Secret":"it"}'"#) == .refreshToken("it"))
    }

    @Test(arguments: [
        ("echo credentials not found in native keychain; exit 1", "has no account"),
        (#"echo '{"ServerURL":"","Username":"","Secret":""}'"#, "has no account"),
        ("echo hush; exit 3", "exit status 3"), ("echo hush", "can be understood"), ("true", "can be understood"),
        (#"echo '{"Username":"a:b","Secret":"hush"}'"#, "can be understood"),
        (#"printf '{"Username":"a","Secret":"hu\\nsh"}'"#, "can be understood"),
        ("head -c 200000 /dev/zero", "more than 65536 bytes"), ("kill -9 $$", "signal"),
        ("echo hush >&2; exit 1", "exit status 1"),
    ])
    func `what is no answer is told, without what the helper said`(_ script: String, _ words: String) async throws {
        let error = await #expect(throws: CredentialError.self) { try await ask(script) }
        #expect(error?.description.contains(words) == true, "\(String(describing: error))")
        #expect(error?.description.contains("hush") == false)
    }

    @Test func `a helper that reads nothing of its input answers all the same`() async throws {
        let script = #"exec <&-; echo '{"Username":"u","Secret":"s"}'"#
        #expect(try await ask(script) == .basic(username: "u", password: "s"))
    }

    @Test func `a helper that is not installed is told by name`() async throws {
        let helper = try CredentialHelper(name: "absent", environment: ["PATH": "/nonexistent"])
        let error = await #expect(throws: CredentialError.self) {
            try await helper.credentials(for: DockerServer(host: "r.io"))
        }
        #expect(error?.description.contains("docker-credential-absent") == true)
    }

    @Test func `no helper, present or absent, leaves a descriptor open`() async throws {
        let folder = try Folder()
        try folder.install("docker-credential-fails", "exit 1")
        let server = DockerServer(host: "r.io")
        for name in ["absent", "fails"] {
            let helper = try CredentialHelper(name: name, environment: folder.environment)
            // Pipes alone: other tests run beside this one, and open files and sockets.
            let before = openPipes()
            for _ in 0..<60 { _ = try? await helper.credentials(for: server) }
            #expect(openPipes() < before + 30, "\(name)")
        }
    }

    private func openPipes() -> Int {
        let descriptors = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")) ?? []
        return descriptors.count {
            (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\($0)"))?.hasPrefix("pipe:")
                == true
        }
    }

    @Test(arguments: ["", "a/b", "../x", ".x", "a b", "a;b", "$(x)", "é", String(repeating: "a", count: 65)])
    func `a name that is none runs nothing`(_ name: String) {
        #expect(throws: CredentialError.self) { try CredentialHelper(name: name, environment: [:]) }
    }

    @Test func `a helper sees the environment, and none of our own secrets`() async throws {
        let folder = try Folder()
        try folder.install(
            "docker-credential-test",
            #"echo "{\"Username\":\"${AWS_PROFILE:-none}\",\"Secret\":\"${SOPS_AGE_KEY:-none}${WEIR_X:-none}\"}""#)
        let environment = folder.environment.merging(
            ["AWS_PROFILE": "ours", "SOPS_AGE_KEY": "k", "WEIR_X": "x"], uniquingKeysWith: { _, new in new })
        let found = try await CredentialHelper(name: "test", environment: environment)
            .credentials(for: DockerServer(host: "r.io"))
        #expect(found == .basic(username: "ours", password: "nonenone"))
    }

    @Test func `a helper that hangs is ended, with what it started`() async throws {
        let folder = try Folder()
        // Open for writing as long as one of the two processes lives.
        let life = "\(folder.path)/life"
        #expect(mkfifo(life, 0o600) == 0)
        let reading = open(life, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
        defer { close(reading) }
        // The second process holds the pipe of the answer open after the first is gone.
        try folder.install("docker-credential-test", "exec 3> \(life); sleep 600 & echo both >&3; wait")
        let helper = try CredentialHelper(name: "test", environment: folder.environment)
        let source = RenewingCredentials.helper(
            helper, server: DockerServer(host: "r.io"), clock: ManualWallClock(), logger: LogKeeper().logger,
            limit: .seconds(1))
        let error = await #expect(throws: CredentialError.self) { try await source.credentials() }
        #expect(error?.description.contains("no answer") == true, "\(String(describing: error))")
        _ = fcntl(reading, F_SETFL, 0)
        let said = await withCheckedContinuation { (continuation: CheckedContinuation<Data?, Never>) in
            Thread.detachNewThread {
                let file = FileHandle(fileDescriptor: reading, closeOnDealloc: false)
                continuation.resume(returning: try? file.readToEnd())
            }
        }
        #expect(said == Data("both\n".utf8))
    }

    @Test func `a helper's answer is kept, and asked for again when it is refused`() async throws {
        let folder = try Folder()
        try folder.install(
            "docker-credential-test",
            #"echo x >> \#(folder.path)/runs; n=$(wc -l < \#(folder.path)/runs); "#
                + #"echo "{\"Username\":\"u\",\"Secret\":\"s$n\"}""#)
        let clock = ManualWallClock()
        let logs = LogKeeper()
        let source = RenewingCredentials.helper(
            try CredentialHelper(name: "test", environment: folder.environment), server: DockerServer(host: "r.io"),
            clock: clock, logger: logs.logger)
        let first = try await source.credentials()
        #expect(try await source.credentials() == first)
        #expect(folder.lines(of: "runs").count == 1)
        source.noteRefused(first.credentials)
        #expect(try await source.credentials().credentials == .basic(username: "u", password: "s2"))
        clock.advance(by: RenewingCredentials.helperLifetime)
        _ = try await source.credentials()
        try await logs.wait(for: "Credentials were obtained", count: 3)
        #expect(folder.lines(of: "runs").count == 3)
    }

    @Test func `hostile answers are refused or read, and never more`() {
        let alphabet = [
            "{", "}", "\"", ":", ",", "\"Username\"", "\"Secret\"", "\"<token>\"", "\"s\"", "null", "[", "]",
        ]
        for text in hostileTexts(count: 5000, alphabet: alphabet, seed: 42) {
            _ = try? HelperAnswer.parse(Array(text.utf8))
        }
    }
}
