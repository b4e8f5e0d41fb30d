internal import FoundationEssentials
internal import TOMLKit

/// Whether containerd reads hosts files, and keeps what peers are to be given.
package struct ContainerdCheck: Sendable {
    package struct Finding: Sendable, Hashable, Codable {
        /// What is in doubt because of it.
        package enum Concern: String, Sendable, Hashable, Codable {
            /// That containerd reads hosts files.
            case hostsFiles
            /// That a node has what its peers ask it for.
            case sharing
        }

        /// Whether what it concerns does not work.
        package var isFatal: Bool
        package var concern: Concern
        package var problem: String
        package var advice: String
        /// What the advice has written there, line by line, as it can be taken over; empty for other advice.
        package var lines: [String]

        package init(isFatal: Bool, concern: Concern, problem: String, advice: String, lines: [String] = []) {
            self.isFatal = isFatal
            self.concern = concern
            self.problem = problem
            self.advice = advice
            self.lines = lines
        }
    }

    /// One file of a configuration.
    package struct File: Sendable {
        package var path: String
        package var text: String

        package init(path: String, text: String) {
            self.path = path
            self.text = text
        }

        /// Patterns of further files, as `imports` names them: relative to this one, with `*` in the last part.
        package var imports: [String] {
            guard let list = (try? TOMLTable(string: text))?["imports"]?.array else { return [] }
            let folder = path.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
            return list.compactMap { $0.string }.map { $0.hasPrefix("/") ? $0 : "\(folder)/\($0)" }
        }
    }

    /// - Parameters:
    ///   - files: containerd's `config.toml` first, then what it imports; what stands in a later one counts. Empty where
    ///     there is none, and its defaults count.
    ///   - path: of `config.toml`, for what is advised.
    ///   - hostsFolder: what has to be in `config_path`.
    /// - Throws: where one is no TOML.
    package static func findings(
        _ files: [File], path: String, hostsFolder: String
    ) throws(NodeConfigurationError) -> [Finding] {
        var settings = ContainerdSettings(version: files.isEmpty ? 3 : 1)
        for file in files { try settings.read(file) }
        return hosts(settings, path: path, isThere: !files.isEmpty, folder: hostsFolder) + sharing(settings, path: path)
    }

    private static func hosts(
        _ settings: ContainerdSettings, path: String, isThere: Bool, folder: String
    ) -> [Finding] {
        var findings: [Finding] = []
        func add(_ isFatal: Bool, _ problem: String, _ advice: String, _ lines: [String] = []) {
            findings.append(
                Finding(isFatal: isFatal, concern: .hostsFiles, problem: problem, advice: advice, lines: lines))
        }
        let paths = (settings.configPath ?? "").split(separator: ":").map { normal(String($0)) }
        var lines = ["[plugins.\"\(settings.plugin)\".registry]", "config_path = \"\(folder)\""]
        // A file without a version is read as one of version 1.
        if !isThere {
            lines.insert("# of containerd 2; before, it is version = 2 and io.containerd.grpc.v1.cri", at: 0)
            lines.insert("version = \(settings.version)", at: 1)
        }
        let advice =
            "write in \(path): config_path = \"\(folder)\" below [plugins.\"\(settings.plugin)\".registry]; then restart containerd"
        if paths.isEmpty {
            // The default since 2.2 names two folders, see below.
            add(
                true,
                isThere
                    ? "config_path is not set, so that hosts files are not read"
                    : "there is no \(path), so that config_path is not set and hosts files are not read", advice, lines)
        } else if !paths.contains(normal(folder)) {
            add(true, "config_path does not name \(folder)", advice, lines)
        } else if paths.count > 1 {
            // containerd issues 12415 and 12808: what pulls since 2.1 takes the list for the name of one folder.
            add(
                settings.version >= 3,
                "config_path names several folders, and containerd 2.1 and 2.2 read hosts files of none then", advice,
                lines)
        }
        if settings.hasOldRegistries, !paths.isEmpty {
            add(
                true, "registry.mirrors or registry.configs stands beside config_path",
                "containerd refuses both together: move them into \(folder)")
        }
        if settings.isDisabled {
            add(
                false, "the CRI plugin is disabled",
                "Kubernetes cannot use this containerd; for other clients name the hosts folder yourself")
        }
        return findings
    }

    private static func sharing(_ settings: ContainerdSettings, path: String) -> [Finding] {
        guard settings.discards == true else { return [] }
        return [
            Finding(
                isFatal: true, concern: .sharing,
                problem: "discard_unpacked_layers is true: layers are gone once they are unpacked",
                advice: "set discard_unpacked_layers = false in \(path), restart containerd, and pull images anew")
        ]
    }

    private static func normal(_ path: String) -> String {
        "/" + path.split(separator: "/").joined(separator: "/")
    }
}

/// What containerd is told by all its files.
private struct ContainerdSettings {
    var version: Int
    var configPath: String?
    var hasOldRegistries = false
    var discards: Bool?
    var isDisabled = false

    init(version: Int) { self.version = version }

    var plugin: String { version >= 3 ? "io.containerd.cri.v1.images" : "io.containerd.grpc.v1.cri" }

    mutating func read(_ file: ContainerdCheck.File) throws(NodeConfigurationError) {
        let table: TOMLTable
        do {
            table = try TOMLTable(string: file.text)
        } catch {
            throw .malformed(path: file.path, reason: "it is no TOML: \(error)")
        }
        version = table["version"]?.int ?? version
        let cri = table["plugins"]?.table?[plugin]?.table
        let registry = cri?["registry"]?.table
        configPath = registry?["config_path"]?.string ?? configPath
        if registry?["mirrors"] != nil || registry?["configs"] != nil { hasOldRegistries = true }
        discards =
            (version >= 3
                ? cri?["discard_unpacked_layers"]?.bool : cri?["containerd"]?.table?["discard_unpacked_layers"]?.bool)
            ?? discards
        if let disabled = table["disabled_plugins"]?.array,
            disabled.contains(where: {
                $0.string == "cri" || $0.string == plugin || $0.string == "io.containerd.grpc.v1.cri"
            })
        {
            isDisabled = true
        }
    }
}
