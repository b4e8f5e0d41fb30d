internal import FoundationEssentials
internal import NodeConfiguration

/// containerd's configuration on this machine, with what it imports.
struct ContainerdConfigurationFiles: Sendable {
    let path: String

    /// - Throws: where a file that is there cannot be read, or is no TOML.
    func findings(hostsFolder: String) throws(NodeConfigurationError) -> [ContainerdCheck.Finding] {
        try ContainerdCheck.findings(read(), path: path, hostsFolder: hostsFolder)
    }

    private func read() throws(NodeConfigurationError) -> [ContainerdCheck.File] {
        guard let text = try NodeFiles.read(path) else { return [] }
        let main = ContainerdCheck.File(path: path, text: text)
        var files = [main]
        for pattern in main.imports {
            for path in Self.paths(matching: pattern).prefix(Self.importLimit) {
                if let text = try NodeFiles.read(path) { files.append(ContainerdCheck.File(path: path, text: text)) }
            }
        }
        return files
    }

    private static func paths(matching pattern: String) -> [String] {
        guard pattern.contains("*"), let slash = pattern.lastIndex(of: "/") else { return [pattern] }
        let folder = String(pattern[..<slash])
        let parts = pattern[pattern.index(after: slash)...].split(separator: "*", omittingEmptySubsequences: false)
        guard parts.count == 2, let start = parts.first, let end = parts.last, !folder.contains("*") else { return [] }
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        return names.filter { $0.hasPrefix(start) && $0.hasSuffix(end) && $0.count >= start.count + end.count }
            .sorted().map { "\(folder)/\($0)" }
    }

    private static let importLimit = 64
}
