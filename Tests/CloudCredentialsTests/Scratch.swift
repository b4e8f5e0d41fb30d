import Foundation

/// A file for one test.
final class Scratch: Sendable {
    let path = "/tmp/weir-cloud-\(UUID().uuidString)"

    init(_ text: String) throws { try text.write(toFile: path, atomically: false, encoding: .utf8) }

    deinit { try? FileManager.default.removeItem(atPath: path) }
}
