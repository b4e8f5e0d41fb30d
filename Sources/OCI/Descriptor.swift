/// What names a piece of content and says how large it is. OCI Image 1.1, "Content Descriptors".
package struct Descriptor: Sendable, Hashable {
    /// What one descriptor may claim, in bytes (256 TiB): no blob is as large, and the sizes of everything that one
    /// manifest may name (``Manifest/descriptorLimit``) add up without overflow.
    package static let sizeLimitBytes: Int64 = 1 << 48

    /// `application/octet-stream` where a manifest does not say.
    package let mediaType: MediaType
    package let digest: Digest
    /// In bytes; never negative. Parsed ones are ``sizeLimitBytes`` at most.
    package let size: Int64
    package let platform: Platform?
    package let artifactType: String?
    package let annotations: [String: String]
    /// Whether the content may be had elsewhere (`urls`), so that a registry need not hold it.
    package let hasOtherSources: Bool

    package init(
        mediaType: MediaType, digest: Digest, size: Int64, platform: Platform? = nil, artifactType: String? = nil,
        annotations: [String: String] = [:], hasOtherSources: Bool = false
    ) {
        precondition(size >= 0)
        self.mediaType = mediaType
        self.digest = digest
        self.size = size
        self.platform = platform
        self.artifactType = artifactType
        self.annotations = annotations
        self.hasOtherSources = hasOtherSources
    }
}
