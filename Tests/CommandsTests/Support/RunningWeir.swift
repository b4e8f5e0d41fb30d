import Foundation
import Glibc
import RegistryTestKit

@testable import Commands

/// A `weir` that serves, as a process of its own. Ended by ``end()``; killed with its owner.
final class RunningWeir {
    private struct Said: Sendable {
        var output = ""
        var errors = ""
        /// Both streams, and the process itself.
        var open = 3
        var status: Int32?

        var isOver: Bool { open == 0 }
    }

    let folder: Folder
    private let process = Process()
    private let said = Watched(Said())

    init(_ arguments: [String], in folder: Folder, environment: [String: String] = [:]) throws {
        self.folder = folder
        // Beside the test bundle, wherever that was built.
        let bundle = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        process.executableURL = URL(fileURLWithPath: bundle).deletingLastPathComponent().appending(path: "weir")
        process.arguments = arguments
        process.environment = environment
        process.currentDirectoryURL = URL(fileURLWithPath: folder.path)
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = Self.pipe(said, \.output)
        process.standardError = Self.pipe(said, \.errors)
        process.terminationHandler = { [said] process in
            let status = process.terminationStatus
            said.update { said in
                said.status = status
                said.open -= 1
            }
        }
        try process.run()
    }

    /// `weir serve`, with its storage in `folder`.
    /// - Parameter yaml: beside the storage directory and the listening address.
    convenience init(serving folder: Folder, yaml: String = "", environment: [String: String] = [:]) throws {
        try folder.write("listen: 127.0.0.1:0\nstorage: { directory: store }\n\(yaml)\n")
        try self.init(["serve", "--config", "weir.yaml"], in: folder, environment: environment)
    }

    deinit { if process.isRunning { kill(process.processIdentifier, SIGKILL) } }

    /// Read on a thread of its own: a `readabilityHandler` is libdispatch's, whose queue of events goes astray where a
    /// process that was started meanwhile holds a copy of what is closed here.
    private static func pipe(
        _ said: Watched<Said>, _ stream: any WritableKeyPath<Said, String> & Sendable
    ) -> Pipe {
        let pipe = Pipe()
        let handle = pipe.fileHandleForReading
        Thread.detachNewThread {
            while case let data = handle.availableData, !data.isEmpty {
                said.update { $0[keyPath: stream] += String(decoding: data, as: UTF8.self) }
            }
            said.update { $0.open -= 1 }
        }
        return pipe
    }

    /// Everything on standard output so far.
    var output: String { said.read { $0.output } }

    /// Everything on standard error so far; all of it once it has ended.
    var errors: String { said.read { $0.errors } }

    /// Waits until standard output holds a whole line, and gives it.
    /// - Throws: where it ends before.
    func ready() async throws -> String {
        try await said.wait(for: "the ready line") { $0.output.hasSuffix("\n") || $0.isOver }
        let output = said.read { $0.output }
        guard output.hasSuffix("\n") else { throw CommandFailure(.failure, errors) }
        return output
    }

    /// The first address of the ready line.
    func url() async throws -> String {
        let line = try await ready()
        guard let word = line.split(whereSeparator: { " ,\n".contains($0) }).first(where: { $0.contains("://") }) else {
            throw CommandFailure(.failure, line)
        }
        return String(word)
    }

    /// Waits until standard error holds `text` so many times.
    func logged(_ text: String, count: Int = 1) async throws {
        let isThere = { @Sendable (said: Said) in said.errors.ranges(of: text).count >= count }
        try await said.wait(for: "'\(text)' in the log") { isThere($0) || $0.isOver }
        if !said.read(isThere) { throw CommandFailure(.failure, "it ended without '\(text)': \(errors)") }
    }

    /// Where the webhook of 'weir serve' listens, from the log.
    func webhookPort() async throws -> Int {
        try await logged("the webhook listens")
        let line = errors.split(separator: "\n").first { $0.contains("the webhook listens") } ?? ""
        guard let address = line.firstRange(of: "127.0.0.1:"),
            let port = Int(line[address.upperBound...].prefix(while: \.isNumber))
        else { throw CommandFailure(.failure, errors) }
        return port
    }

    var processIdentifier: pid_t { process.processIdentifier }

    func signal(_ number: Int32) { kill(process.processIdentifier, number) }

    /// Waits until the process has a handler for a signal: the first moment at which it can do anything about it.
    func catches(_ number: Int32) async throws {
        let start = ContinuousClock.now
        while true {
            let status = try String(contentsOfFile: "/proc/\(process.processIdentifier)/status", encoding: .utf8)
            let line = status.split(separator: "\n").first { $0.hasPrefix("SigCgt:") }
            let mask = line?.split(separator: "\t").last.flatMap { UInt64($0, radix: 16) } ?? 0
            if mask & 1 << UInt64(number - 1) != 0 { return }
            guard process.isRunning, ContinuousClock.now - start < .seconds(30) else {
                throw CommandFailure(.failure, "it has no handler for signal \(number): \(errors)")
            }
            await Task.yield()
        }
    }

    /// What it ends with, and everything it said before.
    func exitCode() async -> Int32? {
        try? await said.wait(for: "the end") { $0.isOver }
        return said.read { $0.status }
    }

    func end() async -> Int32? {
        signal(SIGTERM)
        return await exitCode()
    }
}
