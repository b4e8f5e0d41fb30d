import HTTPSemantics
import NIOCore
import OCI
import PullThroughCache

/// Content that several tests ask for.
enum Fixture {
    static let manifest = #"{"schemaVersion":2}"#
    static let manifestDigest = digest(of: manifest)
    static let blob = pattern(1000)
    static let blobDigest = digest(of: blob)

    static func digest(of text: String) -> Digest { DigestHasher.digest(of: text.utf8) }

    static func digest(of bytes: [UInt8]) -> Digest { DigestHasher.digest(of: bytes) }

    static func manifestAnswer(_ status: CacheStatus = .hit) -> ManifestAnswer {
        ManifestAnswer(
            digest: manifestDigest, mediaType: .ociManifest, size: Int64(manifest.utf8.count),
            bytes: ByteBuffer(string: manifest), status: status)
    }

    static func blobAnswer(_ content: (any BlobContent)?, size: Int64? = 1000) -> BlobAnswer {
        BlobAnswer(digest: blobDigest, size: size, content: content, status: .hit)
    }

    /// Everything that a registry has, given from memory or by waiting.
    static func content(inMemory: Bool) -> FakeContent {
        FakeContent { behaviour in
            if inMemory {
                behaviour.manifestInMemory = { _ in manifestAnswer() }
                behaviour.blobInMemory = { blobAnswer($0.isHead ? nil : MemoryContent(bytes: blob)) }
            } else {
                behaviour.manifest = { _ throws(CacheError) in manifestAnswer(.filled) }
                behaviour.blob = { request throws(CacheError) in
                    blobAnswer(request.isHead ? nil : MemoryContent(bytes: blob))
                }
            }
        }
    }
}
