import Foundation
import Testing

@testable import Commands

/// Runs the program itself.
@Suite struct ProgramTests {
    struct Outcome {
        var code: Int32
        var output: String
        var errors: String
    }

    /// - Parameter environment: all of it; nothing is taken over.
    static func run(
        _ arguments: [String], environment: [String: String] = [:], directory: String = "/", input: String = ""
    ) async throws -> Outcome {
        // Beside the test bundle, wherever that was built.
        let bundle = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        let process = Process()
        process.executableURL = URL(fileURLWithPath: bundle).deletingLastPathComponent().appending(path: "weir")
        process.arguments = arguments
        process.environment = environment
        process.currentDirectoryURL = URL(fileURLWithPath: directory)
        // Files, since a pipe that nobody empties would stop the program.
        let folder = try Folder()
        let (output, errors) = (try folder.write("", to: "out"), try folder.write("", to: "err"))
        process.standardInput = FileHandle(forReadingAtPath: try folder.write(input, to: "in"))
        process.standardOutput = FileHandle(forWritingAtPath: output)
        process.standardError = FileHandle(forWritingAtPath: errors)
        try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
            process.terminationHandler = { _ in continuation.resume() }
            do { try process.run() } catch { continuation.resume(throwing: error) }
        }
        return Outcome(
            code: process.terminationStatus, output: try String(contentsOfFile: output, encoding: .utf8),
            errors: try String(contentsOfFile: errors, encoding: .utf8))
    }

    @Test(.timeLimit(.minutes(1)), arguments: [["version"], ["--version"]])
    func `the version is printed`(_ arguments: [String]) async throws {
        let outcome = try await Self.run(arguments)
        #expect(outcome.code == 0)
        #expect(outcome.output == "weir \(Version.text)\n")
        #expect(outcome.errors == "")
    }

    @Test(.timeLimit(.minutes(1))) func `answers can be had as JSON`() async throws {
        #expect(try await Self.run(["version", "--json"]).output == "{\n  \"version\" : \"\(Version.text)\"\n}\n")
        let shown = try await Self.run(["config", "show", "--json"], environment: ["HOME": "/home/me"])
        #expect(shown.code == 0)
        #expect(try JSONSerialization.jsonObject(with: Data(shown.output.utf8)) is [String: Any])
        let client = try await Self.run(["client-config", "k3s", "--json"], environment: ["HOME": "/home/me"])
        #expect(client.code == 0)
        #expect(client.errors == "")
        #expect(try JSONSerialization.jsonObject(with: Data(client.output.utf8)) is [String: Any])
    }

    @Test(
        .timeLimit(.minutes(1)),
        arguments: [
            [], ["serve"], ["config"], ["config", "check"], ["config", "show"], ["config", "schema"],
            ["config", "keys"],
            ["explain"], ["status"], ["refresh"], ["reload"], ["pin"], ["unpin"], ["pins"], ["evict"], ["gc"], ["fsck"],
            ["client-config"], ["webhook"], ["rewrite"], ["images"], ["version"], ["survive"], ["quota"],
            ["quota", "spend"], ["quota", "probe"], ["plan"], ["warm"], ["rules"], ["rules", "validate"], ["node"],
            ["node", "status"], ["node", "find"], ["node", "measure"], ["node-config"], ["node-config", "apply"],
            ["node-config", "restore"], ["node-config", "check"], ["node-config", "keep"], ["spegel"],
            ["spegel", "registry"],
        ])
    func `every command has a help`(_ command: [String]) async throws {
        let outcome = try await Self.run(command + ["--help"])
        #expect(outcome.code == 0)
        #expect(outcome.output.hasPrefix("OVERVIEW: "))
        #expect(outcome.output.contains("USAGE: weir \(command.joined(separator: " "))"))
        #expect(outcome.errors == "")
    }

    @Test(.timeLimit(.minutes(1)), arguments: ["bash", "zsh", "fish"])
    func `shells can complete commands`(_ shell: String) async throws {
        let outcome = try await Self.run(["--generate-completion-script", shell])
        #expect(outcome.code == 0)
        #expect(outcome.output.contains("client-config"))
    }

    @Test(
        .timeLimit(.minutes(1)),
        arguments: [
            (["nonsense"], 2, "weir: 'weir' has no command 'nonsense'; 'weir --help' lists them"),
            (["stauts", "--json"], 2, "weir: 'weir' has no command 'stauts'; did you mean 'status'?"),
            (["quota", "spent"], 2, "weir: 'weir quota' has no command 'spent'; did you mean 'spend'?"),
            (["config", "chekc", "f"], 2, "weir: 'weir config' has no command 'chekc'; did you mean 'check'?"),
            (["version", "nonsense"], 2, "Error: Unexpected argument 'nonsense'"),
            (
                ["node", "status", "--socket", "/nonexistent.sock"], 3,
                "weir: no service is running: there is no control socket /nonexistent.sock; start 'weir node'"
            ),
            (["serve", "--nonsense"], 2, "Error: Unknown option '--nonsense'"),
            (["explain"], 2, "Error: Missing expected argument '<ref>'"),
            (["client-config", "windows"], 2, "Error: The value 'windows' is invalid"),
            (["client-config", "docker", "--address", "a b"], 2, "weir: 'a b' is no address"),
            (["config", "check", "/nonexistent.yaml"], 2, "/nonexistent.yaml: the configuration file does not exist"),
            (
                ["serve", "--config", "/nonexistent.yaml"], 2,
                "/nonexistent.yaml: the configuration file does not exist"
            ),
            (["serve", "--listen", "nowhere"], 2, "--listen: 'nowhere' has no port"),
            (["status", "--config", "/nonexistent.yaml"], 2, "/nonexistent.yaml: "),
            (["status", "--socket", "/nonexistent.sock"], 3, "weir: no service is running"),
            (["explain", "nginx", "--socket", "/nonexistent.sock"], 3, "weir: no service is running"),
            (["refresh", "nginx", "--socket", "/nonexistent.sock"], 3, "weir: no service is running"),
            (["reload", "--socket", "/nonexistent.sock"], 3, "weir: no service is running"),
            (["pin", "nginx", "--socket", "/nonexistent.sock"], 3, "weir: no service is running"),
            (["unpin", "nginx", "--socket", "/nonexistent.sock"], 3, "weir: no service is running"),
            (["pins", "--socket", "/nonexistent.sock"], 3, "weir: no service is running"),
            (["evict", "nginx", "--socket", "/nonexistent.sock"], 3, "weir: no service is running"),
            (["gc", "--socket", "/nonexistent.sock"], 3, "weir: no service is running"),
        ] as [([String], Int32, String)])
    func `what fails says so by its exit code`(
        _ arguments: [String], _ code: Int32, _ message: String
    ) async throws {
        let outcome = try await Self.run(arguments, environment: ["HOME": "/home/me"])
        #expect(outcome.code == code)
        #expect(outcome.output == "")
        #expect(outcome.errors.contains(message), "\(outcome.errors)")
    }

    @Test(.timeLimit(.minutes(1))) func `config check tells each problem on a line of its own`() async throws {
        let folder = try Folder()
        try folder.write("listen: nowhere\nstorge: {}\n")
        let bad = try await Self.run(["config", "check", "weir.yaml"], directory: folder.path)
        #expect(bad.code == 2)
        #expect(
            bad.errors == """
                weir.yaml:1:9: 'nowhere' has no port; write HOST:PORT, such as '0.0.0.0:5000' or '[::1]:5000'
                weir.yaml:2:1: unknown key 'storge'; did you mean 'storage'?
                weir: the configuration has 2 errors

                """)
        try folder.write("rules: { library: { registry: x.io } }\n")
        let warned = try await Self.run(
            ["config", "check"], environment: ["WEIR_CONFIG": "weir.yaml"], directory: folder.path)
        #expect(warned.code == 0)
        #expect(warned.output == "weir.yaml: good\n")
        #expect(warned.errors.hasPrefix("weir.yaml:1:10: warning: the prefix 'library' hides"))
    }

    @Test(.timeLimit(.minutes(1))) func `config check tells programs where each problem is`() async throws {
        let folder = try Folder()
        try folder.write("listen: nowhere\n")
        let bad = try await Self.run(["config", "check", "weir.yaml", "--json"], directory: folder.path)
        #expect(bad.code == 2 && bad.errors == "")
        let problem = try #require(
            try JSONSerialization.jsonObject(with: Data(bad.output.utf8)) as? [String: Any])
        #expect(problem["isGood"] as? Bool == false)
        let first = try #require((problem["problems"] as? [[String: Any]])?.first)
        #expect(first["severity"] as? String == "error" && first["source"] as? String == "weir.yaml")
        #expect(first["line"] as? Int == 1 && first["column"] as? Int == 9)
        try folder.write("listen: ':5000'\n")
        let good = try await Self.run(["config", "check", "weir.yaml", "--json"], directory: folder.path)
        #expect(good.code == 0 && good.output.contains("\"isGood\" : true"))
    }

    @Test(.timeLimit(.minutes(1))) func `config show masks secrets`() async throws {
        let folder = try Folder()
        try folder.write("hush\n", to: "token")
        try folder.write("rules: { a: { registry: x.io, username: me, accessToken: '${file:token}' } }\n")
        let outcome = try await Self.run(["config", "show", "--config", "weir.yaml"], directory: folder.path)
        #expect(outcome.code == 0)
        #expect(outcome.output.contains("accessToken: \"********\""))
        #expect(outcome.output.contains("username: me"))
        #expect(!outcome.output.contains("hush"))
    }

    @Test(.timeLimit(.minutes(1))) func `client files are written once, and never over others`() async throws {
        let folder = try Folder()
        let arguments = ["client-config", "docker", "--address", "w:5000", "--write", "root"]
        let environment = ["HOME": "/home/me"]
        let first = try await Self.run(arguments, environment: environment, directory: folder.path)
        #expect(first.code == 0)
        let path = "\(folder.path)/root/etc/docker/daemon.json"
        #expect(first.output == "\(path)\n")
        #expect(try String(contentsOfFile: path, encoding: .utf8).contains("http://w:5000"))
        let again = try await Self.run(arguments, environment: environment, directory: folder.path)
        #expect(again.code == 0)
        #expect(again.output == "")
        try "{}".write(toFile: path, atomically: false, encoding: .utf8)
        let third = try await Self.run(arguments, environment: environment, directory: folder.path)
        #expect(third.code == 1)
        #expect(third.errors.contains("these are there already and differ; merge them by hand: \(path)"))
        #expect(try String(contentsOfFile: path, encoding: .utf8) == "{}")
    }
}
