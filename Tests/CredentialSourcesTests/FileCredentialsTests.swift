import CredentialSources
import Credentials
import Foundation
import Testing
import Timekeeping

@Suite struct FileCredentialsTests {
    private func source(_ form: TemplateCredentials.Form, clock: ManualWallClock) -> TemplateCredentials {
        TemplateCredentials(form, clock: clock, journal: .silent)
    }

    @Test func `a file's content is the secret, without the newline at its end`() async throws {
        let folder = try Folder()
        let file = try folder.write("hush\n", to: "token")
        let source = source(
            .basic(username: SecretTemplate("me"), password: SecretTemplate([.text("x-"), .file(path: file)])),
            clock: ManualWallClock())
        #expect(source.report(at: Timestamp(seconds: 0)).condition == .unused)
        #expect(try await source.credentials().credentials == .basic(username: "me", password: "x-hush"))
        #expect(source.origin == "the file \(file)")
    }

    @Test func `a file that changes is read again, a second later at the earliest`() async throws {
        let folder = try Folder()
        let clock = ManualWallClock()
        let file = try folder.write("one", to: "token")
        let source = source(.refreshToken(SecretTemplate([.file(path: file)])), clock: clock)
        #expect(try await source.credentials().credentials == .refreshToken("one"))
        try folder.write("two!", to: "token")
        #expect(try await source.credentials().credentials == .refreshToken("one"))
        clock.advance(by: .seconds(1))
        #expect(try await source.credentials().credentials == .refreshToken("two!"))
    }

    /// As the kubelet does it: `token` -> `..data/token`, `..data` -> a directory of this version.
    @Test func `a mounted Kubernetes secret rotates by its swap of links`() async throws {
        let folder = try Folder()
        let clock = ManualWallClock()
        let manager = FileManager.default
        for version in ["..v1", "..v2"] {
            try manager.createDirectory(atPath: "\(folder.path)/\(version)", withIntermediateDirectories: false)
            // The same size and the same time: only the inode tells them apart.
            try folder.write("secret-\(version.suffix(2))", to: "\(version)/token")
            try manager.setAttributes(
                [.modificationDate: Date(timeIntervalSince1970: 1)], ofItemAtPath: "\(folder.path)/\(version)/token")
        }
        try manager.createSymbolicLink(atPath: "\(folder.path)/..data", withDestinationPath: "..v1")
        try manager.createSymbolicLink(atPath: "\(folder.path)/token", withDestinationPath: "..data/token")
        let source = source(.refreshToken(SecretTemplate([.file(path: "\(folder.path)/token")])), clock: clock)
        #expect(try await source.credentials().credentials == .refreshToken("secret-v1"))
        try manager.createSymbolicLink(atPath: "\(folder.path)/..tmp", withDestinationPath: "..v2")
        #expect(rename("\(folder.path)/..tmp", "\(folder.path)/..data") == 0)
        clock.advance(by: .seconds(1))
        #expect(try await source.credentials().credentials == .refreshToken("secret-v2"))
    }

    @Test func `what is refused is read again at once`() async throws {
        let folder = try Folder()
        let clock = ManualWallClock()
        let file = try folder.write("one", to: "token")
        let source = source(.refreshToken(SecretTemplate([.file(path: file)])), clock: clock)
        let old = try await source.credentials().credentials
        try folder.write("other", to: "token")
        source.noteRefused(old)
        #expect(source.report(at: clock.now()).condition == .refused)
        #expect(try await source.credentials().credentials == .refreshToken("other"))
        #expect(source.report(at: clock.now()).condition == .good)
    }

    @Test func `a secret that is gone, empty, too large or no text is told, without its content`() async throws {
        let folder = try Folder()
        let large = try folder.write(String(repeating: "hush", count: 20_000), to: "large")
        let empty = try folder.write("\n", to: "empty")
        let binary = "\(folder.path)/binary"
        try Data([0x68, 0xFF]).write(to: URL(filePath: binary))
        #expect(mkfifo("\(folder.path)/fifo", 0o600) == 0)
        let cases = [
            ("\(folder.path)/none", "does not exist"), (folder.path, "is no file"), (large, "larger than"),
            (empty, "empty"), (binary, "not UTF-8"), ("\(folder.path)/fifo", "is no file"),
        ]
        for (path, words) in cases {
            let source = source(.refreshToken(SecretTemplate([.file(path: path)])), clock: ManualWallClock())
            let error = await #expect(throws: CredentialError.self) { try await source.credentials() }
            #expect(error?.description.contains(words) == true, "\(path): \(String(describing: error))")
            #expect(error?.description.contains("hush") == false)
            #expect(source.report(at: Timestamp(seconds: 0)).condition == .failing)
        }
    }

    @Test func `a template prints nothing of itself`() {
        let template = SecretTemplate([.text("hush"), .file(path: "/p")])
        var dumped = ""
        dump(template, to: &dumped)
        for text in ["\(template)", String(reflecting: template), dumped] { #expect(!text.contains("hush")) }
    }
}
