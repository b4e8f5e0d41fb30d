package import MetadataStore
package import Timekeeping

extension SQLiteMetadataStore {
    package func record(spend: [SpendRecord]) async throws(MetadataStoreError) {
        if spend.isEmpty { return }
        try await write { catalogue in
            for record in spend { try catalogue.record(spend: record) }
        }
    }

    package func spend(
        by grouping: SpendGrouping, since: Timestamp, limit: Int
    ) async throws(MetadataStoreError) -> [SpendSum] {
        try await read { try $0.spend(by: grouping, since: since, limit: limit) }
    }

    package func removeSpend(before moment: Timestamp) async throws(MetadataStoreError) {
        try await write { try $0.removeSpend(before: moment) }
    }
}
