internal import BlobStore
internal import OCI
internal import Rules
internal import Timekeeping

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// Reads one repository's entries. What cannot be read, or reads otherwise than Weir writes, is left out. Blocks.
struct JournalWalk {
    let layout: JournalLayout
    let repository: RepositoryKey

    func manifests() throws(SystemFailure) -> [JournaledManifest] {
        var manifests: [JournaledManifest] = []
        for algorithm in Digest.Algorithm.allCases {
            let folder = "\(layout.folder(of: repository))/\(JournalLayout.manifests)/\(algorithm.rawValue)"
            for name in try FileTree.names(in: folder) {
                guard let digest = try? Digest(algorithm: algorithm, hex: name),
                    let entry = entry(at: "\(folder)/\(name)"), let mediaType = MediaType(entry.value)
                else { continue }
                manifests.append(
                    JournaledManifest(
                        repository: repository, digest: digest, mediaType: mediaType, fetchedAt: entry.moment))
            }
        }
        return manifests
    }

    func tags() throws(SystemFailure) -> [JournaledTag] {
        let folder = "\(layout.folder(of: repository))/\(JournalLayout.tags)"
        var tags: [JournaledTag] = []
        for name in try FileTree.names(in: folder) {
            guard let tag = try? Tag(name), let entry = entry(at: "\(folder)/\(name)"),
                let digest = try? Digest(entry.value)
            else { continue }
            tags.append(JournaledTag(repository: repository, tag: tag, digest: digest, checkedAt: entry.moment))
        }
        return tags
    }

    private func entry(at path: String) -> (value: Substring, moment: Timestamp)? {
        guard let bytes = try? OpenFile(path, O_RDONLY).readPrefix(JournalLayout.entryLimitBytes + 1) else {
            return nil
        }
        return JournalLayout.parse(bytes)
    }
}
