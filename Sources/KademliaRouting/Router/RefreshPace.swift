/// When the table is to be refreshed next: soon after something was learned, then ever more slowly.
///
/// Nodes that start together look themselves up before those they ask have taken in the others, and miss them. What
/// they miss is found by looking again a little later, and not at the next regular time.
package struct RefreshPace: Sendable {
    private let first: Duration
    private var wait: Duration
    /// The most peers that were known since the node came online.
    private var knownMost = 0

    package init(first: Duration) {
        self.first = first
        wait = first
    }

    /// How long to wait now, at most `regular`; the next time is twice as long.
    package mutating func next(atMost regular: Duration) -> Duration {
        defer { wait = min(wait * 2, regular) }
        return min(wait, regular)
    }

    /// Whether this is a time between regular ones, when looking up ourselves will do.
    package func isEarly(before regular: Duration) -> Bool { wait < regular }

    /// Begins anew where more peers are known than ever before.
    ///
    /// Peers that come and go change nothing: nobody can keep us looking by flapping.
    package mutating func note(known count: Int) {
        if count == 0 { knownMost = 0 }
        guard count > knownMost else { return }
        knownMost = count
        wait = first
    }
}
