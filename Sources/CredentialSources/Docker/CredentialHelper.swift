package import Credentials
internal import Subprocess
internal import SystemPackage

/// A program that keeps credentials: `docker-credential-NAME get`, the registry on its standard input, JSON on its
/// standard output. Run as it is, by no shell. https://github.com/docker/docker-credential-helpers
package struct CredentialHelper: Sendable {
    /// Bytes of its answer at the most.
    static let outputLimitBytes = 64 << 10

    package let name: String
    private let environment: [String: String]

    /// - Parameters:
    ///   - name: what follows `docker-credential-`.
    ///   - environment: what the program sees of it; its `PATH` is searched. Keys to our own secrets are left out.
    package init(name: String, environment: [String: String]) throws(CredentialError) {
        guard Self.isName(name) else {
            throw .malformed(reason: "'\(name.prefix(40).filter { $0.isASCII })' cannot name a credential helper")
        }
        self.name = name
        self.environment = environment.filter { !$0.key.hasPrefix("WEIR_") && !$0.key.hasPrefix("SOPS_") }
    }

    package static func isName(_ text: String) -> Bool {
        (1...64).contains(text.utf8.count) && !text.hasPrefix(".")
            && text.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"):
                    true
                default: "-_.".utf8.contains(byte)
                }
            }
    }

    private var program: String { "docker-credential-\(name)" }

    /// Runs the program; the caller bounds its time by cancelling, which ends it and all that it started.
    /// - Throws: ``CredentialError/missing(reason:)`` where it has no such account, or is not there itself.
    package func credentials(for server: DockerServer) async throws(CredentialError) -> AccountCredentials {
        let output: (status: TerminationStatus, bytes: [UInt8])
        do {
            output = try await run(input: server.url)
        } catch let error as SubprocessError {
            throw problem(error)
        } catch {
            throw .unavailable(reason: "\(program) was ended before it answered")
        }
        guard output.status.isSuccess else {
            if HelperAnswer.saysNotFound(output.bytes) {
                throw .missing(reason: "\(program) has no account for \(server.url)")
            }
            throw .unavailable(reason: "\(program) failed (\(Self.words(for: output.status)))")
        }
        do throws(HelperAnswerError) {
            return try HelperAnswer.parse(output.bytes)
        } catch {
            switch error {
            case .empty: throw .missing(reason: "\(program) has no account for \(server.url)")
            case .malformed: throw .malformed(reason: "\(program) gave no credentials that can be understood")
            }
        }
    }

    private func run(input: String) async throws -> (status: TerminationStatus, bytes: [UInt8]) {
        var options = PlatformOptions()
        // A session of its own, so that ending it ends what it started as well.
        options.createSession = true
        options.teardownSequence = [
            .gracefulShutDown(toProcessGroup: true, allowedDurationToNextStep: .milliseconds(500)),
            .send(signal: .kill, toProcessGroup: true, allowedDurationToNextStep: .milliseconds(100)),
        ]
        let variables = environment.map { Array("\($0.key)=\($0.value)".utf8) + [0] }
        // Put into a pipe that holds it whole beforehand: writing to a helper that has left already would end in a
        // trap in swift-subprocess 1.0.
        let (reading, writing) = try FileDescriptor.pipe()
        do {
            try writing.closeAfter { _ = try writing.writeAll(input.utf8) }
        } catch {
            try? reading.close()
            throw error
        }
        let result = try await Subprocess.run(
            .name(program), arguments: ["get"], environment: .custom(variables), platformOptions: options,
            input: .fileDescriptor(reading, closeAfterSpawningProcess: true),
            output: .bytes(limit: Self.outputLimitBytes), error: .discarded)
        return (result.terminationStatus, result.standardOutput)
    }

    private func problem(_ error: SubprocessError) -> CredentialError {
        switch error.code {
        case .executableNotFound:
            .missing(reason: "there is no program \(program) in the directories of PATH; install it")
        case .outputLimitExceeded: .malformed(reason: "\(program) answered more than \(Self.outputLimitBytes) bytes")
        default: .unavailable(reason: "\(program) could not be run")
        }
    }

    private static func words(for status: TerminationStatus) -> String {
        switch status {
        case .exited(let code): "exit status \(code)"
        case .signaled(let signal): "signal \(signal)"
        }
    }
}
