import Credentials
import Foundation
import HostileInput
import Testing
import Timekeeping

@testable import CredentialSources

@Suite struct DockerConfigurationTests {
    private static func auth(_ text: String) -> String { Data(text.utf8).base64EncodedString() }

    private func candidates(_ json: String, _ host: String) throws -> [DockerConfiguration.Candidate] {
        try DockerConfiguration(Array(json.utf8)).candidates(for: DockerServer(host: host))
    }

    @Test(arguments: [
        ("https://index.docker.io/v1/", "docker.io"), ("https://index.docker.io/v1/", "registry-1.docker.io"),
        ("https://index.docker.io/v1", "index.docker.io"), ("index.docker.io", "docker.io"),
        ("docker.io", "registry-1.docker.io"), ("registry.corp", "registry.corp"),
        ("registry.corp:5000", "registry.corp:5000"), ("https://registry.corp:5000/v2/", "registry.corp:5000"),
        ("http://registry.corp", "registry.corp"), ("REGISTRY.corp", "registry.corp"),
    ])
    func `an entry is found under every form of its key`(_ key: String, _ host: String) throws {
        let found = try candidates(#"{"auths":{"\#(key)":{"auth":"\#(Self.auth("me:a:b"))"}}}"#, host)
        #expect(found == [.account(.basic(username: "me", password: "a:b"))])
    }

    @Test(arguments: [
        ("registry.corp", "registry.corp:5000"), ("registry.corp:5000", "registry.corp"),
        ("evil.io/registry.corp", "registry.corp"), ("xdocker.io", "docker.io"),
        ("https://index.docker.io/v1/", "ghcr.io"),
    ])
    func `an entry of another registry is not`(_ key: String, _ host: String) throws {
        #expect(try candidates(#"{"auths":{"\#(key)":{"auth":"\#(Self.auth("me:x"))"}}}"#, host) == [])
    }

    @Test func `the key that Docker writes comes before others for the same host`() throws {
        let json = """
            {"auths":{"docker.io":{"username":"b","password":"2"},
            "https://index.docker.io/v1/":{"username":"a","password":"1"}}}
            """
        #expect(try candidates(json, "docker.io") == [.account(.basic(username: "a", password: "1"))])
    }

    @Test func `an identity token comes before name and password`() throws {
        let json = #"{"auths":{"r.io":{"auth":"\#(Self.auth("<token>:"))","identitytoken":"it"}}}"#
        #expect(try candidates(json, "r.io") == [.account(.refreshToken("it"))])
    }

    @Test func `a registry's own helper comes alone, and the store before the file`() throws {
        let json = #"""
            {"credsStore":"desktop","credHelpers":{"r.io":"ecr-login","index.docker.io":"hub"},
            "auths":{"r.io":{"auth":"\#(Self.auth("u:p"))"},"o.io":{"auth":"\#(Self.auth("u:p"))"},"x.io":{}}}
            """#
        #expect(try candidates(json, "r.io") == [.helper(name: "ecr-login")])
        #expect(try candidates(json, "docker.io") == [.helper(name: "hub")])
        #expect(
            try candidates(json, "o.io") == [
                .helper(name: "desktop"), .account(.basic(username: "u", password: "p")),
            ])
        #expect(try candidates(json, "x.io") == [.helper(name: "desktop")])
    }

    @Test func `padding that old versions left behind is no part of a password`() throws {
        let json = #"{"auths":{"r.io":{"auth":"\#(Self.auth("u:p\0\0"))"}}}"#
        #expect(try candidates(json, "r.io") == [.account(.basic(username: "u", password: "p"))])
    }

    @Test(arguments: ["", "[]", "null", "{", #"{"auths":[]}"#, #"{"auths":{"a":{"auth":5}}}"#, "\u{FF}"])
    func `what is no such file is refused`(_ json: String) {
        #expect(throws: CredentialError.self) { try DockerConfiguration(Array(json.utf8)) }
    }

    @Test func `hostile files are refused or read, and never more`() {
        let alphabet = [
            "{", "}", "[", "]", ":", ",", "\"", "auths", "\"auths\"", "\"auth\"", "\"credHelpers\"", "\"credsStore\"",
            "\"r.io\"", "null", "\"\\u0000\"", "1e999", "\"aHVzaA==\"", "identitytoken",
        ]
        for text in hostileTexts(count: 5000, alphabet: alphabet, seed: 41) {
            guard let parsed = try? DockerConfiguration(Array(text.utf8)) else { continue }
            _ = parsed.candidates(for: DockerServer(host: "r.io"))
        }
    }

    @Test func `a file that docker login changes is followed`() async throws {
        let folder = try Folder()
        let clock = ManualWallClock()
        let path = try folder.write("{}", to: "config.json")
        let source = DockerConfigurationCredentials(
            path: path, server: DockerServer(host: "r.io"), environment: folder.environment, clock: clock,
            logger: LogKeeper().logger)
        await #expect(throws: CredentialError.missing(reason: "the file \(path) has no account for r.io")) {
            try await source.credentials()
        }
        #expect(source.report(at: clock.now()).condition == .failing)
        try folder.write(#"{"auths":{"r.io":{"username":"u","password":"hush"}}}"#, to: "config.json")
        clock.advance(by: .seconds(1))
        #expect(try await source.credentials().credentials == .basic(username: "u", password: "hush"))
        #expect(source.report(at: clock.now()).condition == .good)
    }

    @Test func `the store's answer comes before the file's, and the file's where the store has none`() async throws {
        let folder = try Folder()
        try folder.install(
            "docker-credential-store",
            #"read host; [ "$host" = a.io ] || { echo credentials not found in native keychain; exit 1; }; "#
                + #"echo '{"ServerURL":"a.io","Username":"s","Secret":"from-store"}'"#)
        let path = try folder.write(
            #"{"credsStore":"store","auths":{"b.io":{"username":"u","password":"from-file"}}}"#, to: "config.json")
        func source(_ host: String) -> DockerConfigurationCredentials {
            DockerConfigurationCredentials(
                path: path, server: DockerServer(host: host), environment: folder.environment,
                clock: ManualWallClock(), logger: LogKeeper().logger)
        }
        #expect(try await source("a.io").credentials().credentials == .basic(username: "s", password: "from-store"))
        #expect(try await source("b.io").credentials().credentials == .basic(username: "u", password: "from-file"))
        await #expect(throws: CredentialError.self) { try await source("c.io").credentials() }
    }

    @Test func `Docker's own file is found by DOCKER_CONFIG, else in the home`() {
        #expect(DockerConfigurationCredentials.standardPath(environment: [:]) == nil)
        #expect(
            DockerConfigurationCredentials.standardPath(environment: ["HOME": "/h"]) == "/h/.docker/config.json")
        #expect(
            DockerConfigurationCredentials.standardPath(environment: ["HOME": "/h", "DOCKER_CONFIG": "/d"])
                == "/d/config.json")
    }
}
