import Foundation
import KubernetesClient
import KubernetesTestKit
import Logging
import Synchronization
import Timekeeping

/// Pauses that are noted and not waited for.
final class Pauses: Sendable {
    private let taken = Mutex<[Duration]>([])

    var all: [Duration] { taken.withLock { $0 } }

    func sleep(_ duration: Duration) async throws {
        taken.withLock { $0.append(duration) }
        await Task.yield()
        try Task.checkCancellation()
    }
}

/// Runs `body` with a client of `server` that is closed afterwards.
@discardableResult
func withClient<Result>(
    _ connection: ClusterConnection, limits: KubernetesClient.Limits = .init(),
    clock: any WallClock = SystemWallClock(), pauses: Pauses? = Pauses(),
    _ body: (KubernetesClient) async throws -> Result
) async throws -> Result {
    var logger = Logger(label: "test")
    logger.logLevel = .critical
    let client = KubernetesClient(
        connection, limits: limits, clock: clock,
        sleep: { duration in
            if let pauses { try await pauses.sleep(duration) } else { try await Task.sleep(for: duration) }
        }, logger: logger)
    do {
        let result = try await body(client)
        await client.shutdown()
        return result
    } catch {
        await client.shutdown()
        throw error
    }
}

/// A folder that is removed with it.
final class Folder {
    let path: String

    init() throws {
        path = FileManager.default.temporaryDirectory.path + "/weir-kubernetes-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    @discardableResult
    func write(_ text: String, to name: String, isExecutable: Bool = false) throws -> String {
        let file = "\(path)/\(name)"
        try FileManager.default.createDirectory(
            atPath: (file as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
        try text.write(toFile: file, atomically: true, encoding: .utf8)
        if isExecutable {
            try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: file)
        }
        return file
    }
}
