package import BlobStore
package import NIOCore
package import OCI

/// The proof of ``BlobStore``'s contract: every backend runs all of it, each check on a store of its own that is empty.
package enum BlobStoreConformance {
    package static let all: [BlobStoreCheck] = visibility + refusals + growth + removal + concurrency
}

/// One promise of the contract, and what shows it kept.
package struct BlobStoreCheck: Sendable, CustomStringConvertible {
    package let description: String
    /// - Throws: ``ConformanceFailure`` where the promise is broken, or what the store throws.
    package let run: @Sendable (any BlobStore) async throws -> Void

    init(_ description: String, _ run: @escaping @Sendable (any BlobStore) async throws -> Void) {
        self.description = description
        self.run = run
    }
}

extension BlobStore {
    /// Ingests and commits `sample`.
    package func store(_ sample: Sample, knowsSize: Bool = true) async throws {
        let ingest = try await beginIngest(of: sample.digest, expectedSize: knowsSize ? sample.size : nil)
        for piece in sample.pieces(of: 64 << 10) { try await ingest.append(piece) }
        try await ingest.commit()
    }

    /// The committed bytes of a digest, nil where there are none.
    package func content(of digest: Digest) async throws -> ByteBuffer? {
        guard let reader = try await open(digest) else { return nil }
        return try await reader.content()
    }
}

extension BlobReader {
    /// All bytes there are now, read in pieces that fit no power of two.
    package func content() async throws -> ByteBuffer {
        var content = ByteBuffer()
        let end = size
        while Int64(content.readableBytes) < end {
            var piece = try await read(at: Int64(content.readableBytes), length: 100_003)
            try expect(piece.readableBytes > 0, "reading before the end returns something")
            content.writeBuffer(&piece)
        }
        return content
    }
}
