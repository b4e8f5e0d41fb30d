internal import BlobStore
internal import OCI

/// Which blobs of an image are stored, of those that are to be had from its registry; in the manifest's order.
struct HeldBlobs: Sendable {
    private(set) var stored: [Descriptor] = []
    private(set) var missing: [Descriptor] = []

    init(of contents: Manifest, in store: any BlobStore) async throws {
        for blob in contents.blobs where !blob.hasOtherSources {
            if try await store.open(blob.digest) == nil { missing.append(blob) } else { stored.append(blob) }
        }
    }

    var missingBytes: Int64 { missing.reduce(0) { $0 + $1.size } }
}
