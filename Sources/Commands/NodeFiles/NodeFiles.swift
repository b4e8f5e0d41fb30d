internal import NodeConfiguration

/// The files of a node that lead its container runtime to Weir, in one of their two forms.
enum NodeFiles: Sendable {
    case hosts(HostsFolder, files: [HostsFile], existing: HostsFolder.Existing)
    case k3s(K3sRegistries, path: String)

    /// Brings them to what they are to be.
    /// - Returns: what was done, in sentences; none where nothing had to be.
    func apply() throws(NodeConfigurationError) -> [String] {
        switch self {
        case .hosts(let folder, let files, let existing):
            let changes = try folder.apply(files, existing: existing)
            return changes.written.map { "wrote \($0)" } + Self.sentences(changes.replaced)
        case .k3s(let registries, let path):
            let text = try Self.read(path)
            guard try registries.write(to: path, existing: text) else {
                throw .malformed(
                    path: path, reason: "it is somebody else's; put this into it by hand:\n\n\(registries.text)")
            }
            return text == registries.text ? [] : ["wrote \(path); restart K3s for it to count"]
        }
    }

    private static func sentences(_ replaced: [String]) -> [String] {
        replaced.map { "\($0) was written by somebody else since; theirs is what 'restore' will put back" }
    }

    static func read(_ path: String) throws(NodeConfigurationError) -> String? {
        do throws(FileReadError) {
            return try readTextFile(path, limitBytes: 1 << 20)
        } catch {
            guard error.isMissing else { throw .malformed(path: path, reason: error.reason) }
            return nil
        }
    }
}

/// The same files as far as they have to be known to put back what was there.
enum NodeFilesPlace: Sendable {
    case hosts(HostsFolder)
    case k3s(path: String)

    init(_ hosts: HostsFolderOptions, _ k3s: K3sOptions) {
        self = k3s.path.map { .k3s(path: $0) } ?? .hosts(HostsFolder(path: hosts.folder))
    }

    init(_ files: NodeFiles) {
        switch files {
        case .hosts(let folder, _, _): self = .hosts(folder)
        case .k3s(_, let path): self = .k3s(path: path)
        }
    }

    /// - Returns: what was done; nil where nothing had been written.
    func restore() throws(NodeConfigurationError) -> String? {
        switch self {
        case .hosts(let folder):
            guard folder.isApplied else { return nil }
            try folder.restore()
            return "put back \(folder.path)"
        case .k3s(let path):
            guard try K3sRegistries.remove(path, existing: NodeFiles.read(path)) else { return nil }
            return "removed \(path), which was not there before; restart K3s for it to count"
        }
    }
}
