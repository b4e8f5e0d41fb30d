import CredentialSources
import Credentials
import Foundation
import Logging
import RegistryTestKit

/// A directory of its own for one test.
final class Folder: Sendable {
    let path: String

    init() throws {
        path = "/tmp/weir-credentials-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    @discardableResult
    func write(_ text: String, to name: String) throws -> String {
        try text.write(toFile: "\(path)/\(name)", atomically: false, encoding: .utf8)
        return "\(path)/\(name)"
    }

    /// A program that `PATH` leads to.
    func install(_ name: String, _ script: String) throws {
        // As `weir` itself does: a helper may leave before it has read its input.
        signal(SIGPIPE, SIG_IGN)
        let file = try write("#!/bin/sh\n\(script)\n", to: name)
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: file)
    }

    var environment: [String: String] { ["PATH": "\(path):/usr/bin:/bin"] }

    func lines(of name: String) -> [Substring] {
        ((try? String(contentsOfFile: "\(path)/\(name)", encoding: .utf8)) ?? "").split(separator: "\n")
    }
}

/// Log lines, kept.
final class LogKeeper: Sendable {
    private let lines = Watched<[String]>([])

    var text: String { lines.value.joined(separator: "\n") }

    /// Returns once `count` lines hold `message`.
    func wait(for message: String, count: Int = 1) async throws {
        try await lines.wait(for: "\(count) × '\(message)'") { $0.count { $0.contains(message) } >= count }
    }

    func count(of message: String) -> Int { lines.read { $0.count { $0.contains(message) } } }

    var logger: Logger {
        var logger = Logger(label: "test") { _ in Handler(keeper: self) }
        logger.logLevel = .trace
        return logger
    }

    private struct Handler: LogHandler {
        let keeper: LogKeeper
        var logLevel = Logger.Level.trace
        var metadata: Logger.Metadata = [:]

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            let metadata = event.metadata ?? [:]
            keeper.lines.update { $0.append("\(event.level) \(event.message) \(metadata)") }
        }
    }
}

extension CredentialJournal {
    static var silent: CredentialJournal {
        CredentialJournal(kind: "test", logger: Logger(label: "silent") { _ in SwiftLogNoOpLogHandler() })
    }
}
