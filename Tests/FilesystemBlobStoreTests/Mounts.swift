import Foundation
import Testing

/// Small and read-only file systems, for tests of what happens on them. Mounting needs root.
enum Mounts {
    /// Whether such tests run: always where a build server runs them, so that they cannot be passed over there.
    static let areWanted: Bool =
        ProcessInfo.processInfo.environment["CI"] == "true" || isPermitted

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
    static func makeReadOnly(_ path: String) async throws {
        let deadline = ContinuousClock.now + .seconds(30)
        while run("/bin/mount", ["-o", "remount,ro", path]) != 0 {
            try #require(ContinuousClock.now < deadline)
            await Task.yield()
        }
    }
}
