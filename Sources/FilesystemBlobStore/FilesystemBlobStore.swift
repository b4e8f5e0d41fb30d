package import BlobStore
package import Logging

/// Blobs as files under one directory, which one process at a time owns.
package final class FilesystemBlobStore: Sendable {
    /// Takes the directory (creating it where it is missing), locks it, and sweeps what earlier runs left unfinished.
    /// - Throws: ``BlobStoreError/inUse(byProcess:)`` where another process holds it.
    package static func open(directory: String, logger: Logger) async throws(BlobStoreError) -> FilesystemBlobStore {
        fatalError()
    }

    /// Releases the lock. Readers stay usable.
    package func close() async {}
}
