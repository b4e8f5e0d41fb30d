import Foundation
import OCI
import RegistryServer
import Rules
import Testing

@testable import Commands

/// Included files, and files encrypted by SOPS: those of Tests/SOPSTests/Fixtures.
@Suite struct IncludeTests {
    private static let fixtures = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "SOPSTests/Fixtures").path()

    private func secret(_ loaded: LoadedConfiguration, _ rule: String) -> String? {
        loaded.settings.rules.first { $0.key.value.description == rule }?.value.account.accessToken?.value?.reveal()
    }

    @Test func `the configuration file is laid over those that it includes`() throws {
        let folder = try Folder()
        try folder.write("rules: { a: { registry: a.io, attempts: 7 }, b: { registry: b.io } }", to: "base.yaml")
        let loaded = try folder.load("include: base.yaml\nrules: { a: { attempts: 2 }, c: { registry: c.io } }")
        let rules = loaded.settings.rules
        #expect(Set(rules.map(\.key.value.description)) == ["a", "b", "c"])
        #expect(rules.first { $0.key.value.description == "a" }?.value.attempts == 2)
        #expect(rules.first { $0.key.value.description == "a" }?.value.registry?.value?.host.description == "a.io")
    }

    @Test(arguments: ["accounts.yaml", "accounts.json"])
    func `a table of rules that SOPS encrypted works as it stands`(_ name: String) throws {
        let loaded = try Folder().load(
            """
            rulesFrom: \(Self.fixtures)/\(name)
            decryption: { ageKeyFile: \(Self.fixtures)/key.txt }
            rules: { ghcr: { attempts: 5 } }
            """)
        #expect(secret(loaded, "dockerhub") == "hush-hub")
        #expect(secret(loaded, "ghcr") == "hush-ghcr")
        for text in [loaded.shown().yaml, loaded.shown().text] { #expect(!text.contains("hush")) }
    }

    /// The ways in which `sops` itself finds its keys.
    @Test(arguments: ["SOPS_AGE_KEY", "SOPS_AGE_KEY_FILE", "XDG_CONFIG_HOME", "HOME"])
    func `a whole configuration may be encrypted`(_ variable: String) throws {
        let folder = try Folder()
        let key = try String(contentsOfFile: "\(Self.fixtures)/key.txt", encoding: .utf8)
        for place in ["sops/age", ".config/sops/age"] {
            try FileManager.default.createDirectory(
                atPath: "\(folder.path)/\(place)", withIntermediateDirectories: true)
            try folder.write(key, to: "\(place)/keys.txt")
        }
        let value =
            switch variable {
            case "SOPS_AGE_KEY": key
            case "SOPS_AGE_KEY_FILE": "\(Self.fixtures)/key.txt"
            default: folder.path
            }
        let whole = try String(contentsOfFile: "\(Self.fixtures)/configuration.yaml", encoding: .utf8)
        let loaded = try folder.load(whole, environment: [variable: value])
        #expect(secret(loaded, "lab") == "hush-lab")
        #expect(loaded.service.server.listen == ["127.0.0.1:5001"])
    }

    @Test func `without a key, or with another's, the file and the reason are told`() throws {
        let yaml = "rulesFrom: \(Self.fixtures)/accounts.yaml"
        #expect(try Folder().problems(yaml).contains { $0.contains("accounts.yaml") && $0.contains("no age key") })
        let other = yaml + "\ndecryption: { ageKeyFile: \(Self.fixtures)/other-key.txt }"
        #expect(try Folder().problems(other).contains { $0.contains("none of the age keys") })
        let absent = yaml + "\ndecryption: { ageKeyFile: none.txt }"
        #expect(try Folder().problems(absent).contains { $0.hasPrefix("weir.yaml:2:27:") && $0.contains("exist") })
    }

    @Test func `an altered value is told with its line, and nothing of it is used`() throws {
        let folder = try Folder()
        let text = try String(contentsOfFile: "\(Self.fixtures)/accounts.yaml", encoding: .utf8)
        var lines = text.components(separatedBy: "\n")
        (lines[3], lines[7]) = (lines[7], lines[3])
        try folder.write(lines.joined(separator: "\n"), to: "accounts.yaml")
        let problems = try folder.problems(
            "rulesFrom: accounts.yaml", environment: ["SOPS_AGE_KEY_FILE": "\(Self.fixtures)/key.txt"])
        #expect(problems.count == 1)
        #expect(problems.first?.contains("accounts.yaml:4:") == true)
    }

    @Test func `a wrong value that was encrypted is told and not repeated`() throws {
        let problems = try Folder().problems(
            try String(contentsOfFile: "\(Self.fixtures)/wrong.yaml", encoding: .utf8),
            environment: ["SOPS_AGE_KEY_FILE": "\(Self.fixtures)/key.txt"])
        #expect(!problems.isEmpty)
        for problem in problems { #expect(!problem.contains("hush"), "\(problem)") }
    }

    @Test func `what is wrong in an included file is told with its place there`() throws {
        let folder = try Folder()
        try folder.write("\nrules: { a: { registri: a.io } }\ninclude: x.yaml", to: "base.yaml")
        try folder.write(
            "a:\n  registry: a.io\n  lifecycle_policy: x\n  image_tag_mutability: MUTABLE", to: "rules.yaml")
        let problems = try folder.problems("include: [base.yaml, none.yaml]\nrulesFrom: rules.yaml")
        #expect(problems.contains { $0.contains("base.yaml:2:") && $0.contains("did you mean 'registry'") })
        #expect(problems.contains { $0.contains("base.yaml:3:") && $0.contains("cannot say 'include'") })
        #expect(problems.contains { $0.contains("none.yaml") && $0.contains("does not exist") })
        #expect(problems.filter { $0.contains("rules.yaml") && $0.contains("warning") }.count == 2)
    }
}
