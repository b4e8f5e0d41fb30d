internal import BlobStore
internal import MetadataStore
internal import NIOCore
internal import OCI
internal import Rules
internal import Timekeeping
internal import Upstream

/// Takes manifests in from upstreams, and gets them back from the store.
struct ManifestKeeper: Sendable {
    /// What the store has of a manifest that was asked for in a repository.
    enum Holding: Sendable {
        case held(CachedManifest)
        /// The repository is known to hold it, but the bytes are not here.
        case bytesMissing
        /// The repository is not known to hold it.
        case notKnown
    }

    let catalogue: Catalogue
    let store: any BlobStore
    let limitBytes: Int
    let clock: any WallClock

    /// Checks a manifest that an upstream sent, and keeps it.
    /// - Throws: ``CacheError/digestMismatch(expected:actual:)``, ``ManifestError``.
    func keep(
        _ received: ReceivedManifest, expected: Digest?, in repository: RepositoryKey
    ) throws -> CachedManifest {
        let announced = expected ?? received.digest
        let digest = received.bytes.withUnsafeReadableBytes {
            DigestHasher.digest(of: $0, announced?.algorithm ?? .sha256)
        }
        if let announced, announced != digest {
            throw CacheError.digestMismatch(expected: announced, actual: digest)
        }
        let contents = try Manifest(
            parsing: received.bytes.readableBytesView, declared: received.mediaType, digest: digest)
        let manifest = CachedManifest(digest: digest, mediaType: contents.mediaType, bytes: received.bytes)
        note(manifest, contents: contents, in: repository)
        return manifest
    }

    /// What the store has of the manifest `digest` of `repository`. Bytes that are not what they should be are
    /// removed, and count as missing.
    /// - Parameter known: what the database said of it a moment ago; nil: it is asked.
    func holding(
        of digest: Digest, in repository: RepositoryKey, known: ManifestRecord? = nil
    ) async throws -> Holding {
        if let manifest = catalogue.manifestInMemory(digest, in: repository) { return .held(manifest) }
        var record = known
        if record == nil { record = try await catalogue.manifest(digest, in: repository) }
        guard let record else { return .notKnown }
        guard let bytes = try await bytes(of: digest) else {
            if record.mediaType != nil { catalogue.noteMissing(digest) }
            return .bytesMissing
        }
        if let mediaType = record.mediaType {
            let manifest = CachedManifest(digest: digest, mediaType: mediaType, bytes: bytes)
            catalogue.remember(manifest, in: repository)
            return .held(manifest)
        }
        // Stored by way of another repository; from here on this one holds it, and what it names, as well.
        guard let contents = try? Manifest(parsing: bytes.readableBytesView, declared: nil, digest: digest) else {
            return .bytesMissing
        }
        let manifest = CachedManifest(digest: digest, mediaType: contents.mediaType, bytes: bytes)
        note(manifest, contents: contents, in: repository)
        return .held(manifest)
    }

    /// Takes over a manifest that the store has from another repository, after the upstream confirmed that this one
    /// holds it too; nil where the store does not have it.
    func adopt(_ digest: Digest, mediaType: MediaType?, in repository: RepositoryKey) async throws -> CachedManifest? {
        guard let bytes = try await bytes(of: digest),
            let contents = try? Manifest(parsing: bytes.readableBytesView, declared: mediaType, digest: digest)
        else { return nil }
        let manifest = CachedManifest(digest: digest, mediaType: contents.mediaType, bytes: bytes)
        note(manifest, contents: contents, in: repository)
        return manifest
    }

    private func note(_ manifest: CachedManifest, contents: Manifest, in repository: RepositoryKey) {
        let now = clock.now()
        catalogue.note(manifest, contents: contents, in: repository, at: now) { [store] in
            if try await store.open(manifest.digest) != nil { return }
            let ingest = try await store.beginIngest(
                of: manifest.digest, expectedSize: Int64(manifest.bytes.readableBytes))
            do {
                try await ingest.append(manifest.bytes)
                try await ingest.commit()
            } catch {
                await ingest.abandon()
                throw error
            }
        }
    }

    private func bytes(of digest: Digest) async throws -> ByteBuffer? {
        guard let bytes = try await store.read(digest, limitBytes: limitBytes) else { return nil }
        let actual = bytes.withUnsafeReadableBytes { DigestHasher.digest(of: $0, digest.algorithm) }
        guard actual == digest else {
            try await store.remove(digest)
            return nil
        }
        return bytes
    }
}
