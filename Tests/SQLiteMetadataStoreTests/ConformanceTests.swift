import MetadataStoreConformance
import Testing

@Suite struct `The catalogue's contract` {
    @Test(arguments: MetadataStoreConformance.all)
    func `is kept by SQLite`(_ check: MetadataStoreCheck) async throws {
        try await withCatalogue { store in try await check.run(store) }
    }

    /// The model that random operations are compared with is worth what this shows.
    @Test(arguments: MetadataStoreConformance.all)
    func `is kept by the naive model`(_ check: MetadataStoreCheck) async throws {
        try await check.run(NaiveCatalogue())
    }
}
