/// Room in the store, as a fill sees it: whoever keeps the store within its limit answers.
struct StoreRoom: Sendable {
    /// Whether so many bytes may be stored at all, however much is evicted for them.
    let allows: @Sendable (_ bytes: Int64) async -> Bool
    /// Evicts what was used longest ago, to free so many bytes; returns whether anything became free.
    let make: @Sendable (_ bytes: Int64) async -> Bool
}
