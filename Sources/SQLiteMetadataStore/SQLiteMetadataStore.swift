package import Logging
package import MetadataStore

/// The catalogue in one SQLite file, in write-ahead-log mode.
package final class SQLiteMetadataStore: Sendable {
    /// Opens the database, creating and migrating it as needed.
    package static func open(
        path: String, logger: Logger
    ) async throws(MetadataStoreError) -> SQLiteMetadataStore { fatalError() }

    /// Writes what is pending and closes the file.
    package func close() async throws(MetadataStoreError) {}
}
