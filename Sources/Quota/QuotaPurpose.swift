/// What a request to the upstream is for: which part of the budget it may use.
package enum QuotaPurpose: String, Sendable, Hashable, CaseIterable {
    /// Fetching a manifest that nothing cached can stand in for, while a client waits: it may use everything.
    case firstPull
    /// Fetching what a tag that is cached has moved to, while a client waits. Leaves the reserve alone.
    case pull
    /// Fetching what no client waits for. Leaves twice the reserve alone.
    case background
    /// What registries do not count, and only the abuse limiter sees: HEAD, blobs, lists.
    case uncounted

    /// What it leaves alone of a budget whose reserve is `reserve` pulls.
    func spares(_ reserve: Int64) -> Int64 {
        switch self {
        case .firstPull, .uncounted: 0
        case .pull: reserve
        case .background: 2 * reserve
        }
    }

    /// Those that are taken from a budget, each of which ranks the pairs for itself.
    static let counted: [QuotaPurpose] = [.firstPull, .pull, .background]

    /// Its place in ``counted``.
    var place: Int {
        switch self {
        case .firstPull, .uncounted: 0
        case .pull: 1
        case .background: 2
        }
    }

    /// Whether it is taken from a budget.
    package var isCounted: Bool { self != .uncounted }
}
