import BlobStoreConformance
import FilesystemBlobStore
import Testing

@Suite struct `A filesystem store` {
    @Test(arguments: BlobStoreConformance.all)
    func `keeps the contract of blob stores`(_ check: BlobStoreCheck) async throws {
        try await withStore { store, _ in try await check.run(store) }
    }

    @Test(arguments: BlobStoreConformance.all)
    func `keeps the contract with a single thread`(_ check: BlobStoreCheck) async throws {
        try await withStore(threadCount: 1) { store, _ in try await check.run(store) }
    }

    @Test(arguments: RepositoryJournalConformance.all)
    func `keeps the contract of journals`(_ check: RepositoryJournalCheck) async throws {
        try await withStore { store, _ in try await check.run(store.journal) }
    }
}
