import Foundation
import Logging
import MetadataStore
import SQLiteMetadataStore
import Testing

/// What a test expects to be warned of need not be printed.
let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

/// Runs `body` with the path of an empty folder, which is removed afterwards with all that is in it.
@discardableResult
func withTemporaryFolder<Value>(_ body: (String) async throws -> Value) async throws -> Value {
    let path = FileManager.default.temporaryDirectory.path + "/weir-catalogue-\(UInt64.random(in: .min ... .max))"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: path) }
    return try await body(path)
}

/// Runs `body` with the catalogue at `path`, closed afterwards.
@discardableResult
func withCatalogue<Value>(
    at path: String, absenceLimit: Int = SQLiteMetadataStore.absenceLimitDefault,
    _ body: (SQLiteMetadataStore) async throws -> Value
) async throws -> Value {
    let store = try await SQLiteMetadataStore.open(path: path, absenceLimit: absenceLimit, logger: quiet)
    do {
        let value = try await body(store)
        try await store.close()
        return value
    } catch {
        try await store.close()
        throw error
    }
}

/// Runs `body` with an empty catalogue.
@discardableResult
func withCatalogue<Value>(
    absenceLimit: Int = SQLiteMetadataStore.absenceLimitDefault, _ body: (SQLiteMetadataStore) async throws -> Value
) async throws -> Value {
    try await withTemporaryFolder { folder in
        try await withCatalogue(at: folder + "/catalogue.db", absenceLimit: absenceLimit, body)
    }
}

/// Runs a program of the system and returns its exit status; nil where it cannot be started.
func run(_ program: String, _ arguments: [String]) -> Int32? {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: program)
    process.arguments = arguments
    process.standardError = FileHandle.nullDevice
    do { try process.run() } catch { return nil }
    process.waitUntilExit()
    return process.terminationStatus
}

/// Small and read-only file systems, for tests of what happens on them. Mounting needs root.
enum Mounts {
    /// Whether such tests run: always where a build server runs them, so that they cannot be passed over there.
    static let areWanted: Bool = ProcessInfo.processInfo.environment["CI"] == "true" || isPermitted

    private static let isPermitted: Bool = {
        let path = FileManager.default.temporaryDirectory.path + "/weir-mount-\(UInt64.random(in: .min ... .max))"
        guard mkdir(path, 0o755) == 0 else { return false }
        defer { rmdir(path) }
        guard run("/bin/mount", ["-t", "tmpfs", "weir", path]) == 0 else { return false }
        return run("/bin/umount", [path]) == 0
    }()

    /// Runs `body` with the path of a file system in memory, of `size` as `mount` reads it.
    static func withSmallDisk<Value>(size: String, _ body: (String) async throws -> Value) async throws -> Value {
        try await withTemporaryFolder { path in
            try #require(run("/bin/mount", ["-t", "tmpfs", "-o", "size=\(size)", "weir", path]) == 0)
            defer { #expect(run("/bin/umount", ["-l", path]) == 0) }
            return try await body(path)
        }
    }

    /// Refused as busy while a file is open for writing, which may be so for a moment after its last use.
    static func remount(_ path: String, _ options: String) async throws {
        let deadline = ContinuousClock.now + .seconds(30)
        while run("/bin/mount", ["-o", "remount,\(options)", path]) != 0 {
            try #require(ContinuousClock.now < deadline)
            await Task.yield()
        }
    }
}
