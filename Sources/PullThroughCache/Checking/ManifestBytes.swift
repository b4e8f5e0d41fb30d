internal import BlobStore
internal import MetadataStore
internal import NIOCore
internal import OCI
internal import Rules

/// Reads manifests back from the store, as the journal remembers them.
struct ManifestBytes {
    /// Longer ones are none that Weir would have fetched, whatever its setting, in bytes.
    static let limitBytes: Int64 = 64 << 20

    let blobs: any BlobStore

    /// Nil where the bytes are not there, are not sound, or are no manifest.
    func read(_ entry: JournaledManifest) async throws -> (record: ManifestRecord, contents: Manifest)? {
        guard let reader = try await blobs.open(entry.digest), reader.size <= Self.limitBytes else { return nil }
        let bytes = try await reader.read(at: 0, length: Int(reader.size))
        let actual = DigestHasher.digest(of: bytes.readableBytesView, entry.digest.algorithm)
        guard actual == entry.digest,
            let contents = try? Manifest(
                parsing: bytes.readableBytesView, declared: entry.mediaType, digest: entry.digest)
        else { return nil }
        let record = ManifestRecord(
            repository: entry.repository, digest: entry.digest, mediaType: entry.mediaType,
            size: Int64(bytes.readableBytes), fetchedAt: entry.fetchedAt)
        return (record, contents)
    }
}
