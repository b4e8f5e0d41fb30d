package import BlobStore
package import OCI
package import Rules

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// The journal as one small file for each entry, replaced as a whole and never half-written. Not forced to the disk:
/// what the last seconds before a power failure lose is asked of the upstream again.
package final class FilesystemRepositoryJournal: RepositoryJournal {
    private let folder: BlobFolder
    private let layout: JournalLayout

    init(folder: BlobFolder) {
        self.folder = folder
        layout = JournalLayout(root: folder.layout.repositories)
    }

    package func record(manifest: JournaledManifest) async throws(BlobStoreError) {
        try await write(
            JournalLayout.entry(manifest.mediaType, manifest.fetchedAt),
            to: layout.file(of: manifest.digest, in: manifest.repository))
    }

    package func record(tag: JournaledTag) async throws(BlobStoreError) {
        try await write(
            JournalLayout.entry(tag.digest, tag.checkedAt), to: layout.file(of: tag.tag, in: tag.repository))
    }

    package func forget(manifest digest: Digest, in repository: RepositoryKey) async throws(BlobStoreError) {
        try await remove(layout.file(of: digest, in: repository))
    }

    package func forget(tag: Tag, in repository: RepositoryKey) async throws(BlobStoreError) {
        try await remove(layout.file(of: tag, in: repository))
    }

    package func entries() async throws(BlobStoreError) -> (manifests: [JournaledManifest], tags: [JournaledTag]) {
        var manifests: [JournaledManifest] = []
        var tags: [JournaledTag] = []
        let rules = try await folder.writers.run { [layout] () throws(BlobStoreError) in
            try reading { () throws(SystemFailure) in try FileTree.names(in: layout.root) }
        }
        for rule in rules.compactMap({ JournalLayout.rule(named: $0) }) {
            var names = try await subfolders(of: "\(layout.root)/\(JournalLayout.encode(rule))")
            while let name = names.popLast() {
                // Longer ones, and what lies below them, are no repository's.
                guard let name = try? RepositoryName(name) else { continue }
                let repository = RepositoryKey(rule: rule, name: name)
                let found = try await folder.writers.run { [layout] () throws(BlobStoreError) in
                    try reading { () throws(SystemFailure) in
                        let walk = JournalWalk(layout: layout, repository: repository)
                        return (try walk.manifests(), try walk.tags())
                    }
                }
                manifests += found.0
                tags += found.1
                names += try await subfolders(of: layout.folder(of: repository)).map { "\(name)/\($0)" }
            }
        }
        return (manifests, tags)
    }

    private func subfolders(of path: String) async throws(BlobStoreError) -> [String] {
        try await folder.writers.run { () throws(BlobStoreError) in
            try reading { () throws(SystemFailure) in
                try FileTree.names(in: path).filter { !$0.hasPrefix("_") }
            }
        }
    }

    private func write(_ text: String, to path: String) async throws(BlobStoreError) {
        try await folder.writers.run { [folder] () throws(BlobStoreError) in
            let (file, unfinished) = try folder.createUnfinished()
            do throws(BlobStoreError) {
                try writing { () throws(SystemFailure) in
                    try file.write(text)
                    try Self.move(unfinished, to: path)
                }
            } catch {
                _ = try? FileTree.removeFile(unfinished)
                throw error
            }
        }
    }

    private static func move(_ unfinished: String, to path: String) throws(SystemFailure) {
        guard let slash = path.lastIndex(of: "/") else { return }
        var attempt = 0
        while true {
            do {
                return try FileTree.move(unfinished, to: path)
            } catch {
                attempt += 1
                // The folder is not there yet, or another call has just removed it as empty.
                guard error.code == ENOENT, attempt < 8 else { throw error }
                do {
                    try FileTree.createFolders(String(path[..<slash]))
                } catch {
                    guard error.code == ENOENT else { throw error }
                }
            }
        }
    }

    private func remove(_ path: String) async throws(BlobStoreError) {
        try await folder.writers.run { [layout] () throws(BlobStoreError) in
            _ = try writing { () throws(SystemFailure) in try FileTree.removeFile(path) }
            // So that a repository that is gone leaves nothing behind.
            var folder = path[...]
            while let slash = folder.lastIndex(of: "/") {
                folder = folder[..<slash]
                guard folder.utf8.count > layout.root.utf8.count, FileTree.removeEmptyFolder(String(folder)) else {
                    return
                }
            }
        }
    }
}
