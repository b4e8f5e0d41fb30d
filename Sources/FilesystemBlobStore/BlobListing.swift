internal import BlobStore
internal import OCI

/// Lists the blobs' files. Whatever else lies among them is passed over. Blocks.
struct BlobListing {
    let layout: StoreLayout

    /// The folders that hold an algorithm's blobs, by name.
    func shards(of algorithm: Digest.Algorithm) throws(BlobStoreError) -> [String] {
        try reading { () throws(SystemFailure) in
            try FileTree.names(in: layout.folder(of: algorithm)).filter { $0.utf8.count == 2 }
        }
    }

    func blobs(in shard: String, of algorithm: Digest.Algorithm) throws(BlobStoreError) -> [StoredBlob] {
        let folder = "\(layout.folder(of: algorithm))/\(shard)"
        return try reading { () throws(SystemFailure) in
            var blobs: [StoredBlob] = []
            for name in try FileTree.names(in: folder) where name.hasPrefix(shard) {
                guard let digest = try? Digest(algorithm: algorithm, hex: name) else { continue }
                let status: FileStatus
                do throws(SystemFailure) {
                    status = try FileStatus(of: "\(folder)/\(name)")
                } catch {
                    if error.isAbsence { continue }
                    throw error
                }
                if status.kind == .file { blobs.append(StoredBlob(digest: digest, size: status.size)) }
            }
            return blobs
        }
    }
}
