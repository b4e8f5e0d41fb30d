package import OCI

/// How far the warming of one image is. Bytes are those of the blobs of the platforms meant.
package struct WarmingProgress: Sendable, Hashable {
    /// Nil until every manifest is here.
    package var totalBytes: Int64?
    /// Bytes that are in the cache by now.
    package var presentBytes: Int64 = 0
    /// Of these, the ones that came from the upstream just now.
    package var fetchedBytes: Int64 = 0
    package var blobCount = 0
    package var presentBlobCount = 0
    /// Manifest GETs of the upstream.
    package var pulls = 0

    package init() {}
}

/// Why an image could not be warmed, beside what can befall any pull.
package enum WarmingError: Error, Hashable, CustomStringConvertible {
    case platformsAbsent([Platform])
    /// It came whole, and the store did not take it: no room, or larger than its limit.
    case notKept(Digest, bytes: Int64)

    package var description: String {
        switch self {
        case .platformsAbsent(let platforms):
            "the image has no " + platforms.map(\.description).joined(separator: " and no ")
        case .notKept(let digest, let bytes):
            "the store did not keep \(digest) of \(bytes) bytes; look at 'storage.limit' and the room on its disk"
        }
    }
}
