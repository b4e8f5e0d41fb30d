/// containerd's folder of hosts files, `/etc/containerd/certs.d`: written to, and put back as it was.
///
/// What was there before is moved once into `_backup`, Spegel's place for it; each write makes the folder anew from it.
/// Every file appears whole: it is written beside, synchronised and renamed. Broken off anywhere, whichever of the two is
/// called next goes on from there. One process at a time changes a folder.
package struct HostsFolder: Sendable {
    package enum Existing: Sendable, Hashable {
        /// Only what is written stands there.
        case setAside
        /// Hosts that were there come after ours.
        case appended
    }

    /// What an ``apply(_:existing:)`` or ``restore()`` had to do.
    package struct Changes: Sendable, Hashable {
        /// Whether there was no such folder before.
        package var isMade = false
        /// Paths of the files that were written.
        package var written: [String] = []
        /// Entries that somebody else has written over since; theirs are what a restore puts back.
        package var replaced: [String] = []

        package init() {}
    }

    package let path: String
    let ownsEverything: Bool
    var backup: String { "\(path)/_backup" }
    /// What is being moved into ``backup``, before all of it is.
    private var staging: String { "\(path)/_backup.new" }
    /// What is being moved back.
    private var restoring: String { "\(path)/_backup.restoring" }
    var own: Set<String> { ["_backup", "_backup.new", "_backup.restoring"] }

    /// - Parameter ownsEverything: whatever stands beside `_backup` was written for it and may go, as Spegel has it: its
    ///   files carry no mark. Else what is not ours is kept.
    package init(path: String, ownsEverything: Bool = false) {
        self.path = path
        self.ownsEverything = ownsEverything
    }

    /// Whether something was written and not put back yet.
    package var isApplied: Bool { isFolder(backup) || isFolder(staging) || isFolder(restoring) }

    /// Writes `files` in place of what is there. Doing it again changes nothing.
    @discardableResult
    package func apply(_ files: [HostsFile], existing: Existing) throws(NodeConfigurationError) -> Changes {
        var changes = Changes()
        changes.isMade = !exists(path)
        try makeFolder(path)
        let lock = try FolderLock(path)
        defer { lock.release() }
        if isFolder(restoring) { try moveBack(from: restoring) }
        // What was there is read before it is moved: where it cannot be, it stays in effect.
        if isFolder(staging) { try moveBack(from: staging) }
        let wanted = try wanted(files, existing: existing, from: isFolder(backup) ? backup : path)
        if !isFolder(backup) { try setAside() }
        for name in try names(path) where !own.contains(name) {
            if try isOurs(name) {
                try tidy(name, wanted: wanted)
            } else if try keep(name) {
                changes.replaced.append(name)
            }
        }
        for (name, content) in wanted.sorted(by: { $0.key < $1.key }) {
            let file = "\(path)/\(name)"
            let parts = file.split(separator: "/", omittingEmptySubsequences: false).dropLast()
            try makeFolder(parts.joined(separator: "/"))
            guard try bytes(of: file) != content.bytes else { continue }
            try AtomicFile(path: file).write(content.bytes, mode: content.mode)
            changes.written.append(file)
        }
        try synchronise(path)
        return changes
    }

    /// Puts back exactly what was there. Without effect where nothing was written.
    @discardableResult
    package func restore() throws(NodeConfigurationError) -> Changes {
        var changes = Changes()
        guard isApplied else { return changes }
        let lock = try FolderLock(path)
        defer { lock.release() }
        // Stopped before everything was aside: nothing of ours was written yet.
        if isFolder(staging) { try moveBack(from: staging) }
        if isFolder(backup) {
            for name in try names(path) where !own.contains(name) {
                if try isOurs(name) {
                    try remove("\(path)/\(name)")
                } else if try keep(name) {
                    changes.replaced.append(name)
                }
            }
            try synchronise(backup)
            try move(backup, to: restoring)
        }
        if isFolder(restoring) { try moveBack(from: restoring) }
        return changes
    }

    private func moveBack(from folder: String) throws(NodeConfigurationError) {
        for name in try names(folder) { try move("\(folder)/\(name)", to: "\(path)/\(name)") }
        try removeEmptyFolder(folder)
        try synchronise(path)
    }

    /// Moves everything into `_backup`. Nothing is written before it has its final name.
    private func setAside() throws(NodeConfigurationError) {
        try makeFolder(staging)
        do throws(NodeConfigurationError) {
            for name in try names(path) where !own.contains(name) {
                try move("\(path)/\(name)", to: "\(staging)/\(name)")
            }
        } catch {
            // Half of what was there is worse than all of it or nothing. What cannot be moved back is so by 'restore'.
            try? moveBack(from: staging)
            throw error
        }
        try synchronise(staging)
        try move(staging, to: backup)
        try synchronise(path)
    }

    func isOurs(_ name: String) throws(NodeConfigurationError) -> Bool {
        if ownsEverything { return true }
        let folder = "\(path)/\(name)"
        guard isFolder(folder) else { return false }
        if exists("\(folder)/hosts.toml") {
            return [HostsFile.mark, HostsFile.spegelMark].contains { begins("\(folder)/hosts.toml", with: $0) }
        }
        // We were stopped before its file was written: there is nothing in it but copies, and what was being written.
        let sources = isFolder(backup) ? try names(backup) : []
        for file in try names(folder) where !AtomicFile.isTemporary(file) {
            guard sources.contains(where: { isCopy("\(folder)/\(file)", of: "\(backup)/\($0)/\(file)") }) else {
                return false
            }
        }
        return true
    }

    /// Removes what is not wanted, or not wanted any more, from a folder of ours.
    private func tidy(_ name: String, wanted: [String: Content]) throws(NodeConfigurationError) {
        guard wanted["\(name)/hosts.toml"] != nil else { return try remove("\(path)/\(name)") }
        try tidy(below: name, wanted: wanted)
    }

    private func tidy(below folder: String, wanted: [String: Content]) throws(NodeConfigurationError) {
        for name in try names("\(path)/\(folder)") {
            let file = "\(folder)/\(name)"
            if isFolder("\(path)/\(file)"), wanted.keys.contains(where: { $0.hasPrefix("\(file)/") }) {
                try tidy(below: file, wanted: wanted)
            } else if wanted[file] == nil || !isFile("\(path)/\(file)") {
                try remove("\(path)/\(file)")
            }
        }
    }

    /// Puts something that is not ours with what was there before. Whoever writes after us means it: theirs takes the
    /// place of what was there, which stays beside under another name, once.
    /// - Returns: whether it took such a place, and differs.
    private func keep(_ name: String) throws(NodeConfigurationError) -> Bool {
        let (theirs, kept) = ("\(path)/\(name)", "\(backup)/\(name)")
        guard exists(kept) else {
            try move(theirs, to: kept)
            return false
        }
        guard !isSame(theirs, kept) else {
            try remove(theirs)
            return false
        }
        let older = "\(kept)\(Self.replacedSuffix)"
        if exists(older) { try remove(older) }
        try move(kept, to: older)
        try move(theirs, to: kept)
        return true
    }

    /// No registry's name ends so.
    static let replacedSuffix = ".replaced"
}
