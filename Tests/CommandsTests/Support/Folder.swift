import Foundation

@testable import Commands

/// A directory of its own for one test.
final class Folder {
    let path: String

    init() throws {
        path = "/tmp/weir-commands-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    @discardableResult
    func write(_ text: String, to name: String = "weir.yaml") throws -> String {
        try text.write(toFile: "\(path)/\(name)", atomically: false, encoding: .utf8)
        return "\(path)/\(name)"
    }

    /// Loads `yaml` as the configuration file, called `weir.yaml` in messages.
    func load(
        _ yaml: String, flags: [(name: String, path: [String], value: String)] = [],
        environment: [String: String] = [:]
    ) throws -> LoadedConfiguration {
        try write(yaml)
        return try ConfigurationLoader(
            file: "weir.yaml", flags: flags, environment: environment, workingDirectory: path,
            fallbackFile: "/nonexistent"
        ).load()
    }

    /// The problems of `yaml`, one a line; its warnings where it has no errors.
    func problems(_ yaml: String, environment: [String: String] = [:]) throws -> [String] {
        do {
            return try load(yaml, environment: environment).warnings.map(\.description)
        } catch let error as ConfigurationError {
            return error.problems.map(\.description)
        }
    }
}
