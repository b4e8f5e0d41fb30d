import Glibc

/// A peer of other hands: a library with bindings for Python, which `scripts/install-peers` puts into a folder of `.build`.
struct ForeignPeer: Sendable {
    let folder: String
    let script: String

    /// The interpreter that has the library.
    private var interpreter: String {
        let package = #filePath.split(separator: "/").dropLast(4).joined(separator: "/")
        return "/\(package)/.build/\(folder)/bin/python"
    }

    var isInstalled: Bool { access(interpreter, X_OK) == 0 }

    func start(_ arguments: [String]) throws -> RunningForeignPeer {
        let scratch = try ScratchDirectory()
        try writeText(script, to: "\(scratch.path)/peer.py")
        let process = try ManagedProcess(
            [interpreter, "\(scratch.path)/peer.py"] + arguments,
            environment: ["HOME": scratch.path, "PATH": "/usr/bin:/bin"], outputPath: "\(scratch.path)/output",
            errorsPath: "\(scratch.path)/errors")
        return RunningForeignPeer(scratch: scratch, process: process)
    }
}

/// One that runs, and what it has said.
struct RunningForeignPeer {
    struct Ended: Error {
        let errors: Substring
    }

    let scratch: ScratchDirectory
    let process: ManagedProcess

    /// Waits for the line that begins with `first`, and gives its words, `first` among them.
    func line(_ first: String) async throws -> [Substring] {
        try await eventually("the peer says '\(first)'", within: .seconds(60)) {
            if let line = try said(first) { return line }
            guard process.ending == nil else {
                throw Ended(errors: try readText("\(scratch.path)/errors").suffix(2000))
            }
            return nil
        }
    }

    private func said(_ first: String) throws -> [Substring]? {
        try readText("\(scratch.path)/output").split(separator: "\n").map { $0.split(separator: " ") }
            .first { $0.first == first[...] }
    }

    func end() { process.killNow() }
}
