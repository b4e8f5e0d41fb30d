import FoundationEssentials
import Glibc

/// A folder under the temporary directory that goes, with all that is in it, when the last reference goes.
final class ScratchDirectory: Sendable {
    let path: String

    init() throws {
        let parent = ProcessInfo.processInfo.environment["TMPDIR"] ?? "/tmp"
        var template = Array("\(parent)/weir-test-XXXXXX".utf8CString)
        let made = template.withUnsafeMutableBufferPointer { buffer in
            buffer.baseAddress.flatMap { mkdtemp($0) }.map { String(cString: $0) }
        }
        guard let made else { throw MachineError.unreadable(path: parent) }
        // Services that give up root have to reach their own folders in it.
        chmod(made, 0o755)
        path = made
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// Makes a folder in it.
    func folder(_ name: String) throws -> String {
        let folder = "\(path)/\(name)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        return folder
    }
}

/// The file's text, also of files in `/proc`, whose size is not known before.
func readText(_ path: String) throws -> String {
    String(decoding: try readBytes(path), as: UTF8.self)
}

/// The file's bytes, `limit` of them at the most.
func readBytes(_ path: String, limit: Int = .max) throws -> Data {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw MachineError.unreadable(path: path) }
    defer { close(descriptor) }
    var bytes = Data()
    var piece = [UInt8](repeating: 0, count: 256 << 10)
    while true {
        let count = read(descriptor, &piece, min(piece.count, limit - bytes.count))
        if count == 0 { return bytes }
        guard count > 0 else { throw MachineError.unreadable(path: path) }
        bytes.append(contentsOf: piece[..<count])
    }
}

func writeText(_ text: String, to path: String) throws {
    try Data(text.utf8).write(to: URL(filePath: path))
}

/// Every regular file under `folder`, as paths relative to it.
func files(under folder: String) throws -> [String] {
    let names = try FileManager.default.contentsOfDirectory(atPath: folder)
    return try names.flatMap { name throws -> [String] in
        var information = stat()
        guard lstat("\(folder)/\(name)", &information) == 0 else { return [] }
        let isFolder = information.st_mode & S_IFMT == S_IFDIR
        return isFolder ? try files(under: "\(folder)/\(name)").map { "\(name)/\($0)" } : [name]
    }
}
