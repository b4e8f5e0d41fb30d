import Foundation

/// Small and read-only file systems, for tests of what happens on them. Mounting needs root.
package enum Mounts {
    /// A call was refused.
    package struct Refused: Error {
        package let call: String
        package let path: String
        package let reason: String
    }

    /// Whether such tests run: always where a build server runs them, so that they cannot be passed over there.
    package static let areWanted: Bool = ProcessInfo.processInfo.environment["CI"] == "true" || isPermitted

    private static let isPermitted: Bool = {
        let path = FileManager.default.temporaryDirectory.path + "/weir-mount-\(UInt64.random(in: .min ... .max))"
        guard mkdir(path, 0o755) == 0 else { return false }
        defer { rmdir(path) }
        return (try? mountMemory(at: path, size: "64k")) != nil && (try? unmount(path)) != nil
    }()

    /// Runs `body` with the path of a file system in memory, of `size` as tmpfs(5) reads it.
    package static func withSmallDisk<Value>(
        size: String, _ body: (String) async throws -> Value
    ) async throws -> Value {
        try await withTemporaryFolder { path in
            try mountMemory(at: path, size: size)
            let result: Result<Value, any Error>
            do { result = .success(try await body(path)) } catch { result = .failure(error) }
            try unmount(path)
            return try result.get()
        }
    }

    /// Makes a mount read-only or writable. Refused as busy while a file is open for writing, which may be so for a moment
    /// after its last use.
    package static func remount(_ path: String, readOnly: Bool) async throws {
        let deadline = ContinuousClock.now + .seconds(30)
        let flags = UInt(MS_REMOUNT) | (readOnly ? UInt(MS_RDONLY) : 0)
        while true {
            do {
                try check("mount", path, mount("weir", path, "tmpfs", flags, nil))
                return
            } catch {
                guard ContinuousClock.now < deadline else { throw error }
                await Task.yield()
            }
        }
    }

    // The system's calls and not its programs: `Process.run` of Foundation reads past the end of its buffer, and sometimes
    // of memory, in a process with some 1300 open files or more, as other tests here have.
    private static func mountMemory(at path: String, size: String) throws(Refused) {
        try check("mount", path, mount("weir", path, "tmpfs", 0, "size=\(size)"))
    }

    /// Also while files on it are open: they stay until they are closed.
    private static func unmount(_ path: String) throws(Refused) {
        try check("umount2", path, umount2(path, Int32(MNT_DETACH)))
    }

    private static func check(_ call: String, _ path: String, _ result: Int32) throws(Refused) {
        guard result == 0 else {
            throw Refused(call: call, path: path, reason: String(cString: strerror(errno)))
        }
    }
}
