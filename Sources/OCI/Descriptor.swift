/// What names a piece of content and says how large it is. OCI Image 1.1, "Content Descriptors".
package struct Descriptor: Sendable, Hashable {
    package let mediaType: MediaType
    package let digest: Digest
    /// In bytes; never negative.
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
