import Foundation

/// Small and read-only file systems, for tests of what happens on them. Mounting needs root.
package enum Mounts {
    /// A mount was refused.
    package struct Refused: Error {
        package let arguments: [String]
    }

    /// Whether such tests run: always where a build server runs them, so that they cannot be passed over there.
    package static let areWanted: Bool = ProcessInfo.processInfo.environment["CI"] == "true" || isPermitted

    private static let isPermitted: Bool = {
        let path = FileManager.default.temporaryDirectory.path + "/weir-mount-\(UInt64.random(in: .min ... .max))"
        guard mkdir(path, 0o755) == 0 else { return false }
        defer { rmdir(path) }
        guard (try? run("/bin/mount", ["-t", "tmpfs", "weir", path])) != nil else { return false }
        return (try? run("/bin/umount", [path])) != nil
    }()

    /// Runs `body` with the path of a file system in memory, of `size` as `mount` reads it.
    package static func withSmallDisk<Value>(
        size: String, _ body: (String) async throws -> Value
    ) async throws -> Value {
        try await withTemporaryFolder { path in
            try run("/bin/mount", ["-t", "tmpfs", "-o", "size=\(size)", "weir", path])
            let result: Result<Value, any Error>
            do { result = .success(try await body(path)) } catch { result = .failure(error) }
            try run("/bin/umount", ["-l", path])
            return try result.get()
        }
    }

    /// Changes a mount's options, such as `ro`. Refused as busy while a file is open for writing, which may be so for a
    /// moment after its last use.
    package static func remount(_ path: String, _ options: String) async throws {
        let deadline = ContinuousClock.now + .seconds(30)
        while true {
            do {
                try run("/bin/mount", ["-o", "remount,\(options)", path])
                return
            } catch {
                guard ContinuousClock.now < deadline else { throw error }
                await Task.yield()
            }
        }
    }

    private static func run(_ program: String, _ arguments: [String]) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = arguments
        process.standardError = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { throw Refused(arguments: [program] + arguments) }
    }
}
