import CredentialSources
import Credentials
import Foundation
import Logging
import Synchronization

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
    private let lines = Mutex<[String]>([])

    var text: String { lines.withLock { $0.joined(separator: "\n") } }
    func count(of message: String) -> Int { lines.withLock { $0.filter { $0.contains(message) }.count } }

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
            keeper.lines.withLock { $0.append("\(event.level) \(event.message) \(metadata)") }
        }
    }
}

extension CredentialJournal {
    static var silent: CredentialJournal {
        CredentialJournal(kind: "test", logger: Logger(label: "silent") { _ in SwiftLogNoOpLogHandler() })
    }
}

/// Waits for `condition`, at most for forty seconds. It pauses between two looks: many tests that only yield to each
/// other leave no thread for what they wait for.
func eventually(_ condition: () async -> Bool) async -> Bool {
    let end = ContinuousClock.now + .seconds(40)
    while ContinuousClock.now < end {
        if await condition() { return true }
        try? await Task.sleep(for: .milliseconds(1))
    }
    return false
}
