import Foundation
import Logging
import MetadataStore
import SQLiteMetadataStore
import TestMachine
import Testing

/// What a test expects to be warned of need not be printed.
let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

/// Runs `body` with the catalogue at `path`, closed afterwards.
@discardableResult
func withCatalogue<Value>(
    at path: String, absenceLimit: Int = SQLiteMetadataStore.absenceLimitDefault,
    _ body: (SQLiteMetadataStore) async throws -> Value
) async throws -> Value {
    let store = try await SQLiteMetadataStore.open(path: path, absenceLimit: absenceLimit, logger: quiet)
    do {
        let value = try await body(store)
        try await store.close()
        return value
    } catch {
        try await store.close()
        throw error
    }
}

/// Runs `body` with an empty catalogue.
@discardableResult
func withCatalogue<Value>(
    absenceLimit: Int = SQLiteMetadataStore.absenceLimitDefault, _ body: (SQLiteMetadataStore) async throws -> Value
) async throws -> Value {
    try await withTemporaryFolder { folder in
        try await withCatalogue(at: folder + "/catalogue.db", absenceLimit: absenceLimit, body)
    }
}
