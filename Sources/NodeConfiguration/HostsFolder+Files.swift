internal import FoundationEssentials

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// The file system below a hosts folder. Links are never followed where something is moved, removed or told apart.
extension HostsFolder {
    func makeFolder(_ path: String) throws(NodeConfigurationError) {
        do {
            try FileManager.default.createDirectory(
                atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o755])
        } catch {
            throw .system(call: "mkdir", path: path, reason: String(cString: strerror(errno)))
        }
    }

    func exists(_ path: String) -> Bool { kind(path) != nil }
    func isFolder(_ path: String) -> Bool { kind(path) == S_IFDIR }
    func isFile(_ path: String) -> Bool { kind(path) == S_IFREG }

    private func kind(_ path: String) -> mode_t? {
        var status = stat()
        return lstat(path, &status) == 0 ? status.st_mode & S_IFMT : nil
    }

    func names(_ path: String) throws(NodeConfigurationError) -> [String] {
        do {
            return try FileManager.default.contentsOfDirectory(atPath: path).sorted()
        } catch {
            throw .system(call: "readdir", path: path, reason: String(cString: strerror(errno)))
        }
    }

    /// Nil where there is none.
    func bytes(of path: String) throws(NodeConfigurationError) -> [UInt8]? {
        guard access(path, F_OK) == 0 else { return nil }
        guard let data = FileManager.default.contents(atPath: path), data.count <= Self.limitBytes else {
            throw .system(call: "read", path: path, reason: "it cannot be read, or is larger than 1 MiB")
        }
        return Array(data)
    }

    /// Nil where there is none.
    func read(_ path: String) throws(NodeConfigurationError) -> String? {
        guard let bytes = try bytes(of: path) else { return nil }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw .system(call: "read", path: path, reason: "it is no text")
        }
        return text
    }

    /// False for what cannot be read.
    func begins(_ path: String, with mark: String) -> Bool {
        guard isFile(path), let data = FileManager.default.contents(atPath: path) else { return false }
        return data.starts(with: mark.utf8)
    }

    /// Whether both are the same, name by name and byte by byte.
    func isSame(_ left: String, _ right: String) -> Bool {
        exists(left) && exists(right) && FileManager.default.contentsEqual(atPath: left, andPath: right)
    }

    /// Whether `left` holds nothing but what `right` holds; what was being written counts for nothing.
    func isCopy(_ left: String, of right: String) -> Bool {
        guard isFolder(left) else {
            let theirs = try? bytes(of: right)
            return isFile(left) && theirs != nil && (try? bytes(of: left)) == theirs
        }
        guard let names = try? names(left) else { return false }
        return names.allSatisfy { AtomicFile.isTemporary($0) || isCopy("\(left)/\($0)", of: "\(right)/\($0)") }
    }

    /// The permissions of a file that may be reached by a link; nil for what is none.
    func mode(_ path: String) -> mode_t? {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFREG ? status.st_mode & 0o777 : nil
    }

    func move(_ from: String, to target: String) throws(NodeConfigurationError) {
        guard rename(from, target) == 0 else { throw failure("rename", from) }
    }

    func remove(_ path: String) throws(NodeConfigurationError) {
        do {
            try FileManager.default.removeItem(atPath: path)
        } catch {
            throw .system(call: "remove", path: path, reason: String(cString: strerror(errno)))
        }
    }

    func removeEmptyFolder(_ path: String) throws(NodeConfigurationError) {
        guard rmdir(path) == 0 else { throw failure("rmdir", path) }
    }

    /// Has the names in a folder survive a loss of power.
    func synchronise(_ path: String) throws(NodeConfigurationError) {
        let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure("open", path) }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw failure("fsync", path) }
    }

    private func failure(_ call: String, _ path: String) -> NodeConfigurationError {
        .system(call: call, path: path, reason: String(cString: strerror(errno)))
    }

    private static let limitBytes = 1 << 20
}
