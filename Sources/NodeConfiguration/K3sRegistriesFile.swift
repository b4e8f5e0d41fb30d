#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// K3s's or RKE2's `registries.yaml` on this machine: written, and put back as it was.
///
/// What was there keeps its inode under another name beside it, and ours takes its place by a rename: at every moment there
/// is one file or the other. Broken off anywhere, whichever of the two is called next goes on from there.
package struct K3sRegistriesFile: Sendable, Hashable {
    package let path: String
    package var backup: String { "\(path).before-weir" }
    /// What was set aside before, where somebody has replaced the file since.
    private var older: String { "\(path).replaced" }

    package init(path: String) { self.path = path }

    package struct Changes: Sendable, Hashable {
        package var isWritten = false
        /// Whether somebody has written over ours since; theirs is what a restore puts back.
        package var isReplaced = false
        /// See ``K3sRegistries/Content/untouched``.
        package var untouched: [String] = []
    }

    /// What a restore did.
    package enum Restored: Sendable, Hashable {
        case nothing, putBack, removed
        /// Somebody's file stands there since, and stays.
        case left
    }

    package func apply(_ registries: K3sRegistries) throws(NodeConfigurationError) -> Changes {
        let lock = try FolderLock(folder)
        defer { lock.release() }
        let present = try read(path)
        let isOurs = present.map(Self.isOurs) ?? true
        let content = try registries.content(
            original: isOurs ? try read(backup) : present, path: isOurs ? backup : path, backup: backup)
        var changes = Changes(untouched: content.untouched)
        if !isOurs { changes.isReplaced = try setAside() }
        guard present != content.text else { return changes }
        // Accounts may be in it.
        try AtomicFile(path: path).write(Array(content.text.utf8), mode: 0o600)
        try synchronise()
        changes.isWritten = true
        return changes
    }

    package func restore() throws(NodeConfigurationError) -> Restored {
        guard access(folder, F_OK) == 0 else { return .nothing }
        let lock = try FolderLock(folder)
        defer { lock.release() }
        let present = try read(path)
        if let present, !Self.isOurs(present) {
            guard inode(backup) != nil else { return .nothing }
            // Stopped between two steps of an 'apply', or written over since.
            if inode(backup) == inode(path) {
                try check(unlink(backup), "unlink", backup)
            } else {
                try move(backup, to: older)
            }
            try synchronise()
            return .left
        }
        if inode(backup) != nil {
            try move(backup, to: path)
        } else if present != nil {
            try check(unlink(path), "unlink", path)
        } else {
            return .nothing
        }
        try synchronise()
        return inode(path) != nil ? .putBack : .removed
    }

    private static func isOurs(_ text: String) -> Bool { text.hasPrefix(HostsFile.mark) }

    /// - Returns: whether something else was aside already, and differs.
    private func setAside() throws(NodeConfigurationError) -> Bool {
        if inode(backup) == inode(path) { return false }
        let isReplaced = inode(backup) != nil
        if isReplaced { try move(backup, to: older) }
        try check(link(path, backup), "link", backup)
        try synchronise()
        return isReplaced
    }

    // MARK: The file system

    private var folder: String {
        let slash = path.lastIndex(of: "/") ?? path.startIndex
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    private struct Inode: Hashable {
        var device: UInt64
        var number: UInt64
    }

    /// Of the link itself, where it is one; nil where there is nothing.
    private func inode(_ path: String) -> Inode? {
        var status = stat()
        guard lstat(path, &status) == 0 else { return nil }
        return Inode(device: UInt64(status.st_dev), number: UInt64(status.st_ino))
    }

    /// Nil where there is none. A link that leads nowhere is something, and not to be written over.
    private func read(_ path: String) throws(NodeConfigurationError) -> String? {
        guard inode(path) != nil else { return nil }
        guard let text = try HostsFolder(path: folder).read(path) else {
            throw .malformed(path: path, reason: "it is a link to a file that is not here")
        }
        return text
    }

    private func move(_ from: String, to target: String) throws(NodeConfigurationError) {
        try check(rename(from, target), "rename", from)
    }

    private func synchronise() throws(NodeConfigurationError) { try HostsFolder(path: folder).synchronise(folder) }

    private func check(_ result: CInt, _ call: String, _ path: String) throws(NodeConfigurationError) {
        guard result == 0 else { throw .system(call: call, path: path, reason: String(cString: strerror(errno))) }
    }
}
