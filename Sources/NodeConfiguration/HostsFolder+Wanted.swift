#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// What a hosts folder is to hold, read and decided before anything is moved.
extension HostsFolder {
    struct Content {
        var bytes: [UInt8]
        var mode: mode_t = 0o644
    }

    /// Each file that is to be there, by its path below the folder.
    ///
    /// Where existing hosts are kept, nothing that containerd had in effect is lost: folders that `files` has nothing for
    /// are written as well, with the mirrors of all registries before what they have.
    func wanted(
        _ files: [HostsFile], existing: Existing, from source: String
    ) throws(NodeConfigurationError) -> [String: Content] {
        var wanted: [String: Content] = [:]
        guard existing == .appended else {
            for file in files { try add(file, keeping: nil, from: source, to: &wanted) }
            return wanted
        }
        let kept = try kept(source)
        var named: Set<String> = []
        for file in files {
            named.formUnion(file.folders)
            // containerd reads the first that is there, and no other.
            let before = (file.folders + [HostsFile.standardFolder]).first { kept[$0] != nil }
            try add(file, keeping: before, from: before.flatMap { kept[$0] } ?? source, to: &wanted)
        }
        var other = files.first { $0.scope == .all } ?? HostsFile(scope: .all, mirrors: [])
        for (name, source) in kept where !named.contains(name) {
            other.scope = .folder(name)
            try add(other, keeping: name, from: source, to: &wanted)
        }
        return wanted
    }

    /// The folders whose hosts are kept, each with where it is: also beside ours, where somebody has added one since.
    private func kept(_ source: String) throws(NodeConfigurationError) -> [String: String] {
        var kept: [String: String] = [:]
        for place in Set([source, path]) {
            for name in try names(place) where !own.contains(name) && !name.hasSuffix(Self.replacedSuffix) {
                guard isFolder("\(place)/\(name)") else { continue }
                if place != source, try isOurs(name) { continue }
                if place == source, kept[name] != nil { continue }
                kept[name] = place
            }
        }
        return kept
    }

    /// - Parameter name: the folder of `source` whose hosts come after those of `file`.
    private func add(
        _ file: HostsFile, keeping name: String?, from source: String, to wanted: inout [String: Content]
    ) throws(NodeConfigurationError) {
        // What was there keeps its name, which it may be called by.
        let folder = name.flatMap { file.folders.contains($0) ? $0 : nil } ?? file.folder
        let path = "\(source)/\(name ?? folder)/hosts.toml"
        var kept: KeptHosts?
        if let name {
            // Certificates and the like, that kept hosts name by paths beside their file.
            var copies: [String: Content] = [:]
            try copy("\(source)/\(name)", as: "", depth: 0, to: &copies)
            let text = try read(path) ?? ""
            let theirs = text.isEmpty ? KeptHosts(certificates: Array(copies.keys)) : try KeptHosts(text, path: path)
            for file in theirs.files { try check(file, named: name, source: source, copies: copies) }
            for (relative, content) in copies { wanted["\(folder)/\(relative)"] = content }
            kept = theirs
        }
        let isOther = if case .folder = file.scope { true } else { false }
        let text = try file.text(
            keeping: kept, keepsServer: isOther || !ownsEverything,
            mark: ownsEverything ? HostsFile.spegelMark : HostsFile.mark, path: path)
        wanted["\(folder)/hosts.toml"] = Content(bytes: Array(text.utf8))
    }

    private func copy(
        _ folder: String, as prefix: String, depth: Int, to copies: inout [String: Content]
    ) throws(NodeConfigurationError) {
        for name in try names(folder) where "\(prefix)\(name)" != "hosts.toml" {
            let file = "\(folder)/\(name)"
            if isFolder(file), depth < Self.depthMax {
                try copy(file, as: "\(prefix)\(name)/", depth: depth + 1, to: &copies)
            } else if let mode = mode(file), let bytes = try bytes(of: file) {
                guard copies.count < Self.copiesMax else {
                    throw .malformed(
                        path: folder, reason: "more than \(Self.copiesMax) files stand beside its hosts.toml")
                }
                copies["\(prefix)\(name)"] = Content(bytes: bytes, mode: mode)
            }
        }
    }

    /// A file that hosts are kept for must be found where they name it once everything was moved.
    private func check(
        _ file: String, named name: String, source: String, copies: [String: Content]
    ) throws(NodeConfigurationError) {
        var parts: [Substring] = file.hasPrefix("/") ? [] : "\(path)/\(name)".split(separator: "/")
        for part in file.split(separator: "/") where part != "." {
            if part == ".." { _ = parts.popLast() } else { parts.append(part) }
        }
        let root = path.split(separator: "/")
        guard parts.starts(with: root) else { return }
        let below = parts.dropFirst(root.count)
        // What other folders have stands in them again.
        guard
            below.count < 2 || below.first == Substring(name) && copies[below.dropFirst().joined(separator: "/")] == nil
        else { return }
        guard exists("\(source)/\(below.joined(separator: "/"))") else { return }
        throw .malformed(
            path: "\(source)/\(name)/hosts.toml",
            reason: "it names \(file), which is moved aside with the rest; put that beside it, or outside of \(path)")
    }

    private static let depthMax = 4
    private static let copiesMax = 256
}
