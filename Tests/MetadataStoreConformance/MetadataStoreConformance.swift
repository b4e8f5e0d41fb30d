package import MetadataStore

/// The proof of ``MetadataStore``'s contract: every backend runs all of it, each check on a catalogue of its own that
/// is empty.
package enum MetadataStoreConformance {
    package static let all: [MetadataStoreCheck] =
        tags + manifests + blobs + pulls + listings + images + leases + removal + collection + checking + spending
        + quotas
}

/// One promise of the contract, and what shows it kept.
package struct MetadataStoreCheck: Sendable, CustomStringConvertible {
    package let description: String
    /// - Throws: ``ConformanceFailure`` where the promise is broken, or what the store throws.
    package let run: @Sendable (any MetadataStore) async throws -> Void

    init(_ description: String, _ run: @escaping @Sendable (any MetadataStore) async throws -> Void) {
        self.description = description
        self.run = run
    }
}
