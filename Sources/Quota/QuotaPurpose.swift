/// What a request to the upstream is for: which part of the budget it may use.
package enum QuotaPurpose: String, Sendable, Hashable, CaseIterable {
    /// Fetching a manifest of an image that was never cached: nothing can stand in, so it may use everything.
    case firstPull
    /// Fetching what a tag that is cached has moved to, while a client waits. Leaves the reserve alone.
    case pull
    /// The same, while nobody waits. Leaves twice the reserve alone.
    case background
    /// What registries do not count, and only the abuse limiter sees: HEAD, blobs, lists.
    case uncounted

    /// Whether it is taken from a budget.
    package var isCounted: Bool { self != .uncounted }
}
