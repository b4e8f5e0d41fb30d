package import Timekeeping

/// The part of the catalogue that says who spent which pulls. Each function is one transaction.
package protocol SpendStore: Sendable {
    /// Adds to what is written down for the same hour, spender, rule, repository and reference.
    func record(spend: [SpendRecord]) async throws(MetadataStoreError)

    /// Sums of the hours that begin at `since` or later, those with the most pulls first and among equals those with
    /// the most refusals; by hour in order of time. At most `limit`.
    func spend(by grouping: SpendGrouping, since: Timestamp, limit: Int) async throws(MetadataStoreError) -> [SpendSum]

    /// Forgets the hours that began before `moment`.
    func removeSpend(before moment: Timestamp) async throws(MetadataStoreError)
}
