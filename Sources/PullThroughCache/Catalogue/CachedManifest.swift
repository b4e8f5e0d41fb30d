internal import NIOCore
internal import OCI

/// A manifest's exact bytes, verified, with what it is sent as.
struct CachedManifest: Sendable, Hashable {
    let digest: Digest
    let mediaType: MediaType
    let bytes: ByteBuffer

    /// Bytes of memory, roughly: the content and what surrounds it.
    var cost: Int { bytes.readableBytes + 512 }

    /// What it says.
    /// - Throws: ``ManifestError``, where what was stored once is judged by newer rules.
    func contents() throws -> Manifest {
        try Manifest(parsing: bytes.readableBytesView, declared: mediaType, digest: digest)
    }
}
