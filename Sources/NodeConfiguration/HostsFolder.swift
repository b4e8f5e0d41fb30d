internal import FoundationEssentials

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// containerd's folder of hosts files, `/etc/containerd/certs.d`: written to, and put back as it was.
///
/// What was there before is moved once into `_backup`, Spegel's place for it, and never touched again; each write makes
/// the folder anew from it. Every file appears whole: it is written beside, synchronised and renamed.
package struct HostsFolder: Sendable {
    package enum Existing: Sendable, Hashable {
        /// Only what is written stands there.
        case setAside
        /// Hosts that were there come after ours.
        case appended
    }

    private let path: String
    private let ownsEverything: Bool
    private var backup: String { "\(path)/_backup" }

    /// - Parameter ownsEverything: whatever stands beside `_backup` was written for it and may go, as Spegel has it: its
    ///   files carry no mark. Else what is not ours is kept.
    package init(path: String, ownsEverything: Bool = false) {
        self.path = path
        self.ownsEverything = ownsEverything
    }

    private var restoring: String { "\(path)/_backup.restoring" }

    /// Whether something was written and not put back yet.
    package var isApplied: Bool { isFolder(backup) || isFolder(restoring) }

    /// Writes `files` in place of what is there. Doing it again changes nothing.
    /// - Returns: the files that changed.
    @discardableResult
    package func apply(_ files: [HostsFile], existing: Existing) throws(NodeConfigurationError) -> [String] {
        try makeFolder(path)
        if isFolder(restoring) { try finishRestoring() }
        if !isFolder(backup) { try setAside() }
        var wanted: [String: String] = [:]
        for file in files {
            var kept: [TableText] = []
            if existing == .appended, let text = try read("\(backup)/\(file.folder)/hosts.toml") {
                kept = TableText.tables(of: text).filter(\.isHost)
                try copyOthers(file.folder, into: &wanted)
            }
            wanted["\(file.folder)/hosts.toml"] = file.text(kept: kept)
        }
        let ours = Set(files.map(\.folder))
        for name in try names(path) where name != "_backup" {
            if try isOurs(name) {
                if !ours.contains(name) { try remove("\(path)/\(name)") }
                continue
            }
            // Somebody has put it here since; it is theirs, and comes back with the rest.
            try keep(name)
        }
        var changed: [String] = []
        for (name, text) in wanted.sorted(by: { $0.key < $1.key }) {
            let file = "\(path)/\(name)"
            if let folder = name.split(separator: "/").first { try makeFolder("\(path)/\(folder)") }
            guard try read(file) != text else { continue }
            try write(text, to: file)
            changed.append(file)
        }
        return changed
    }

    /// Puts back exactly what was there. Without effect where nothing was written; broken off, it goes on where it was.
    package func restore() throws(NodeConfigurationError) {
        if isFolder(backup) {
            for name in try names(path) where name != "_backup" {
                if try isOurs(name) { try remove("\(path)/\(name)") } else { try keep(name) }
            }
            try move(backup, to: restoring)
        }
        if isFolder(restoring) { try finishRestoring() }
    }

    private func finishRestoring() throws(NodeConfigurationError) {
        for name in try names(restoring) { try move("\(restoring)/\(name)", to: "\(path)/\(name)") }
        guard rmdir(restoring) == 0 else { throw failure("rmdir", restoring) }
    }

    private func isOurs(_ name: String) throws(NodeConfigurationError) -> Bool {
        if ownsEverything { return name != "_backup.restoring" }
        guard isFolder("\(path)/\(name)") else { return false }
        if let text = try read("\(path)/\(name)/hosts.toml") { return text.hasPrefix(HostsFile.mark) }
        // We were stopped before its file was written.
        return access("\(backup)/\(name)", F_OK) == 0
    }

    /// Puts something that is not ours with what was there before.
    private func keep(_ name: String) throws(NodeConfigurationError) {
        guard access("\(backup)/\(name)", F_OK) != 0 else {
            throw .malformed(
                path: "\(path)/\(name)", reason: "somebody else has written it since; move it away, and try again")
        }
        try move("\(path)/\(name)", to: "\(backup)/\(name)")
    }

    /// Moves everything into `_backup`. Broken off in the middle, it goes on where it was: nothing is written before it
    /// has its final name.
    private func setAside() throws(NodeConfigurationError) {
        let staging = "\(path)/_backup.new"
        try makeFolder(staging)
        for name in try names(path) where name != "_backup.new" {
            try move("\(path)/\(name)", to: "\(staging)/\(name)")
        }
        try move(staging, to: backup)
    }

    /// Certificates and the like, that kept hosts name by paths beside their file.
    private func copyOthers(
        _ folder: String, into wanted: inout [String: String]
    ) throws(NodeConfigurationError) {
        for name in try names("\(backup)/\(folder)") where name != "hosts.toml" {
            guard !isFolder("\(backup)/\(folder)/\(name)") else { continue }
            if let text = try read("\(backup)/\(folder)/\(name)") { wanted["\(folder)/\(name)"] = text }
        }
    }

    // MARK: The file system

    private func makeFolder(_ path: String) throws(NodeConfigurationError) {
        do {
            try FileManager.default.createDirectory(
                atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o755])
        } catch {
            throw .system(call: "mkdir", path: path, reason: String(cString: strerror(errno)))
        }
    }

    private func isFolder(_ path: String) -> Bool {
        var status = stat()
        return lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }

    private func names(_ path: String) throws(NodeConfigurationError) -> [String] {
        do {
            return try FileManager.default.contentsOfDirectory(atPath: path).sorted()
        } catch {
            throw .system(call: "readdir", path: path, reason: String(cString: strerror(errno)))
        }
    }

    private func read(_ path: String) throws(NodeConfigurationError) -> String? {
        guard access(path, F_OK) == 0 else { return nil }
        guard let data = FileManager.default.contents(atPath: path), data.count <= Self.limitBytes else {
            throw .system(call: "read", path: path, reason: "it cannot be read, or is larger than 1 MiB")
        }
        guard let text = String(validating: data, as: UTF8.self) else {
            throw .system(call: "read", path: path, reason: "it is no text")
        }
        return text
    }

    private func write(_ text: String, to path: String) throws(NodeConfigurationError) {
        try AtomicFile(path: path).write(text, mode: 0o644)
    }

    private func move(_ from: String, to target: String) throws(NodeConfigurationError) {
        guard rename(from, target) == 0 else { throw failure("rename", from) }
    }

    private func remove(_ path: String) throws(NodeConfigurationError) {
        do {
            try FileManager.default.removeItem(atPath: path)
        } catch {
            throw .system(call: "remove", path: path, reason: String(cString: strerror(errno)))
        }
    }

    private func failure(_ call: String, _ path: String) -> NodeConfigurationError {
        .system(call: call, path: path, reason: String(cString: strerror(errno)))
    }

    private static let limitBytes = 1 << 20
}
