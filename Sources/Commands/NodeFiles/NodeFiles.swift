internal import NodeConfiguration

/// The files of a node that lead its container runtime to Weir, in one of their two forms.
enum NodeFiles: Sendable {
    case hosts(HostsFolder, files: [HostsFile], existing: HostsFolder.Existing)
    /// - Parameter hosts: what K3s has made of it; nil where nobody said where that is.
    case k3s(K3sRegistries, file: K3sRegistriesFile, hosts: K3sHosts?)

    struct Changes {
        /// What was done, in sentences; none where nothing had to be.
        var done: [String]
        /// Of K3s's registries.
        var untouched: [String] = []
    }

    /// Brings them to what they are to be.
    func apply() throws(NodeConfigurationError) -> Changes {
        switch self {
        case .hosts(let folder, let files, let existing):
            let changes = try folder.apply(files, existing: existing)
            let made =
                changes.isMade
                ? ["made \(folder.path), which was not there; containerd reads it where its config_path names it"] : []
            return Changes(done: made + changes.written.map { "wrote \($0)" } + Self.sentences(changes.replaced))
        case .k3s(let registries, let file, _):
            let changes = try file.apply(registries)
            var done = changes.isWritten ? ["wrote \(file.path); \(Self.restart(file.path)) for it to count"] : []
            if changes.isReplaced { done += Self.sentences([file.path]) }
            if changes.isWritten, !changes.untouched.isEmpty {
                done.append(
                    "\(changes.untouched.joined(separator: ", ")) stays as it was: its 'rewrite' would be applied to what "
                        + "Weir is asked for")
            }
            return Changes(done: done, untouched: changes.untouched)
        }
    }

    /// Why what is written has no effect yet; nil where it has, or nobody can tell.
    func pending(_ changes: Changes) throws(NodeConfigurationError) -> String? {
        guard case .k3s(let registries, let file, let hosts?) = self,
            try !hosts.have(registries, untouched: changes.untouched)
        else { return nil }
        return
            "\(file.path) is written, and read at a start alone, which Weir does not cause; \(Self.restart(file.path))"
    }

    /// What to do on a node, by whose file it is.
    static func restart(_ path: String) -> String {
        path.contains("/rke2/")
            ? "restart RKE2 on this node (systemctl restart rke2-server, or rke2-agent)"
            : "restart K3s on this node (systemctl restart k3s, or k3s-agent)"
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
    case k3s(K3sRegistriesFile)

    init(_ hosts: HostsFolderOptions, _ k3s: K3sOptions) {
        self = k3s.file.map { .k3s($0) } ?? .hosts(HostsFolder(path: hosts.folder))
    }

    init(_ files: NodeFiles) {
        switch files {
        case .hosts(let folder, _, _): self = .hosts(folder)
        case .k3s(_, let file, _): self = .k3s(file)
        }
    }

    /// - Returns: what was done; nil where nothing had been written.
    func restore() throws(NodeConfigurationError) -> String? {
        switch self {
        case .hosts(let folder):
            guard folder.isApplied else { return nil }
            try folder.restore()
            return "put back \(folder.path)"
        case .k3s(let file):
            let restart = "\(NodeFiles.restart(file.path)) for it to count"
            switch try file.restore() {
            case .nothing: return nil
            case .putBack: return "put back \(file.path); \(restart)"
            case .removed: return "removed \(file.path), which was not there before; \(restart)"
            case .left: return "\(file.path) was written by somebody else since, and stays"
            }
        }
    }
}

extension NodeConfigurationError {
    /// As a command ends with it, with what to do next where that is not in the words.
    func failure(advice: String = "run it as root, or name another folder with --folder") -> CommandFailure {
        CommandFailure(.failure, isDenied ? "\(self); \(advice)" : "\(self)")
    }
}
